#include "tally.h"

#include <stdlib.h>
#include <string.h>

/* The status stands behind the quoted request: ... "GET / HTTP/1.1" 200 512 */
void tally_line(struct tally *tally, const char *line)
{
    const char *quote = strrchr(line, '"');
    long status = quote ? strtol(quote + 1, NULL, 10) : 0;
    if (status >= 100 && status < STATUSES)
        tally->of[status]++;
    else
        tally->without++;
}
