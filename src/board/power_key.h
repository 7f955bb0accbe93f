/* The power key of the machine: a push-button at an input of the GPIO controller. */
#ifndef BOARD_POWER_KEY_H
#define BOARD_POWER_KEY_H

#include "dev/pl061.h"
#include "vm/vm.h"

struct power_key;

/* Creates the key at input `pin` of `gpio`; the machine owns it. -ENOMEM. @stopped */
int MUST_CHECK power_key_create(struct vm *vm, struct pl061 *gpio, unsigned pin,
                                struct power_key **out, struct err *e);

/* Presses it; it is let go a moment of virtual time later. @any */
void power_key_press(struct power_key *k);

extern const struct dev_class power_key_class;

#endif
