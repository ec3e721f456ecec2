// A kernel that vouches for its clock, whatever that says: preloaded, it answers adjtimex(2) as a machine does that a time
// server has set.

#include <string.h>
#include <sys/timex.h>

int adjtimex(struct timex *state)
{
    memset(state, 0, sizeof *state);
    return TIME_OK;
}
