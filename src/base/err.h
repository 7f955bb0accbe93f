/* Errors that a human or an API client will read: one line of text and an errno value.
 *
 * Functions that can fail for reasons outside the program return 0 or a negative errno value and
 * describe the failure in the `struct err` passed as their last parameter. Callers prefix context
 * with err_add(), so that the line finally printed names the option, the file and the remedy.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#define ERR_TEXT_MAX 1024

struct err {
    int code;                /* positive errno value; 0 while no error is set */
    char text[ERR_TEXT_MAX]; /* one line, no newline, always terminated */
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* Sets text (printf style) and code; returns -code. `e` may be null. @any */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text already set; returns -e->code. `e` may be null (-EIO). @any */
int err_add(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
