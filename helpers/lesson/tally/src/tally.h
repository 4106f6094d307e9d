#ifndef TALLY_H
#define TALLY_H

enum { STATUSES = 600 };

/* Counts of HTTP statuses, and of the lines that hold none. */
struct tally {
    unsigned long of[STATUSES];
    unsigned long without;
};

/* Count the status of one line in the common log format. */
void tally_line(struct tally *tally, const char *line);

#endif
