// A kernel that vouches for no clock: preloaded, it answers adjtimex(2) as a machine does that knows no time server,
// whatever the machine underneath knows.

#include <string.h>
#include <sys/timex.h>

int adjtimex(struct timex *state)
{
    memset(state, 0, sizeof *state);
    state->status = STA_UNSYNC;
    return TIME_ERROR;
}
