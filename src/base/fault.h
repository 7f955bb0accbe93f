/* Fault injection: every allocation and system call of base/ and backend/ passes a fault point, so
 * that a test can make the n-th one fail (SQLite's method) and see that nothing leaks or crashes.
 * Costs one relaxed load when off; never used on a vCPU's hot path.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>

/* True when this point must fail now. `name` is for the report. @any */
bool fault_point(const char *name);

/* Makes the n-th fault point from now on fail once (n >= 1); 0 switches off. Returns the name of
 * the point that failed since the last call, or null when none was reached. For tests. @any */
const char *fault_arm(unsigned long n);

#endif
