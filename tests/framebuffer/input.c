// Input devices for a machine without any: preloaded, it makes libinput's events of what is written into a pipe.
//
// PIKIR_INPUT names the pipe. Each record is five 32-bit numbers: the type of the event as <libinput.h> numbers it,
// a slot, key or button, whether that is pressed, and a place in pixels. There are no devices behind the events.

#define _GNU_SOURCE
#include <fcntl.h>
#include <libinput.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

struct record {
    int32_t type, number, pressed, x, y;
};

static int pipe_of_records(void)
{
    static int file = -1;
    const char *path = getenv("PIKIR_INPUT");
    if (file < 0 && path != NULL)
        file = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return file;
}

int libinput_get_fd(struct libinput *context)
{
    (void)context;
    return pipe_of_records();
}

struct libinput_event *libinput_get_event(struct libinput *context)
{
    (void)context;
    struct record *record = malloc(sizeof *record);
    // Records are written whole.
    if (read(pipe_of_records(), record, sizeof *record) == sizeof *record)
        return (struct libinput_event *)record;
    free(record);
    return NULL;
}

void libinput_event_destroy(struct libinput_event *event)
{
    free(event);
}

enum libinput_event_type libinput_event_get_type(struct libinput_event *event)
{
    return ((struct record *)event)->type;
}

// One record is the event itself and whatever kind of event it is taken for.
#define KIND(kind)                                                                                  \
    struct libinput_event_##kind *libinput_event_get_##kind##_event(struct libinput_event *event)   \
    {                                                                                               \
        return (struct libinput_event_##kind *)event;                                               \
    }                                                                                               \
    struct libinput_event *libinput_event_##kind##_get_base_event(struct libinput_event_##kind *event) \
    {                                                                                               \
        return (struct libinput_event *)event;                                                      \
    }

#define VALUE(kind, type, name, value)                                                              \
    type libinput_event_##kind##_get_##name(struct libinput_event_##kind *event)                    \
    {                                                                                               \
        struct record *record = (struct record *)event;                                             \
        return value;                                                                               \
    }

#define SCALED(kind, name, value)                                                                   \
    double libinput_event_##kind##_get_##name(struct libinput_event_##kind *event, uint32_t size)   \
    {                                                                                               \
        (void)size;                                                                                 \
        struct record *record = (struct record *)event;                                             \
        return value;                                                                               \
    }

KIND(touch)
VALUE(touch, int32_t, slot, record->number)
VALUE(touch, int32_t, seat_slot, record->number)
SCALED(touch, x_transformed, record->x)
SCALED(touch, y_transformed, record->y)

KIND(pointer)
VALUE(pointer, double, dx, record->x)
VALUE(pointer, double, dy, record->y)
VALUE(pointer, uint32_t, button, record->number)
VALUE(pointer, enum libinput_button_state, button_state, record->pressed)
SCALED(pointer, absolute_x_transformed, record->x)
SCALED(pointer, absolute_y_transformed, record->y)

KIND(keyboard)
VALUE(keyboard, uint32_t, key, record->number)
VALUE(keyboard, enum libinput_key_state, key_state, record->pressed)
