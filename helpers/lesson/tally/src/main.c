#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>

#include "tally.h"

/* Read a web server's log from standard input and print how often each status occurs. */
int main(void)
{
    static struct tally tally;
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) != -1)
        tally_line(&tally, line);
    free(line);
    for (int status = 100; status < STATUSES; status++)
        if (tally.of[status])
            printf("%d %lu\n", status, tally.of[status]);
    if (tally.without)
        printf("without %lu\n", tally.without);
    return ferror(stdin) ? EXIT_FAILURE : EXIT_SUCCESS;
}
