// A framebuffer for a machine without one: preloaded, it makes an ordinary file of /dev/fb0.
//
// PIKIR_FRAMEBUFFER names the file, as large as the screen (four bytes a pixel: blue, green, red, unused);
// PIKIR_FRAMEBUFFER_SIZE is the screen's size in pixels, such as 800x480. Whoever reads the file sees the picture.
// The requests answered are those of <linux/fb.h> that ask for the geometry; everything else goes its way.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE "/dev/fb0"

static const char *instead(const char *path)
{
    const char *file = getenv("PIKIR_FRAMEBUFFER");
    return file != NULL && strcmp(path, DEVICE) == 0 ? file : path;
}

// Rust's standard library opens files by this name.
int open64(const char *path, int flags, ...)
{
    static int (*next)(const char *, int, ...);
    if (next == NULL)
        next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    return next(instead(path), flags, mode);
}

static int variable(struct fb_var_screeninfo *info)
{
    unsigned width, height;
    const char *size = getenv("PIKIR_FRAMEBUFFER_SIZE");
    if (size == NULL || sscanf(size, "%ux%u", &width, &height) != 2) {
        errno = EINVAL;
        return -1;
    }
    memset(info, 0, sizeof *info);
    info->xres = info->xres_virtual = width;
    info->yres = info->yres_virtual = height;
    info->bits_per_pixel = 32;
    info->red = (struct fb_bitfield){.offset = 16, .length = 8};
    info->green = (struct fb_bitfield){.offset = 8, .length = 8};
    info->blue = (struct fb_bitfield){.offset = 0, .length = 8};
    return 0;
}

static int fixed(struct fb_fix_screeninfo *info)
{
    struct fb_var_screeninfo pixels;
    if (variable(&pixels) != 0)
        return -1;
    memset(info, 0, sizeof *info);
    info->line_length = pixels.xres * 4;
    info->smem_len = info->line_length * pixels.yres;
    return 0;
}

int ioctl(int file, unsigned long request, ...)
{
    static int (*next)(int, unsigned long, ...);
    if (next == NULL)
        next = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    switch (request) {
    case FBIOGET_VSCREENINFO:
        return variable(argument);
    case FBIOGET_FSCREENINFO:
        return fixed(argument);
    default:
        return next(file, request, argument);
    }
}
