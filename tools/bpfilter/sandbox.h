/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_SANDBOX_H
#define BPFILTER_SANDBOX_H

/**
 * sandbox_enter() - give up all that the helper does not need for its requests
 * @first_fd:	descriptors from here on are closed
 *
 * Afterwards: three capabilities, no new privileges, and a kill on any system
 * call that is not in the list in sandbox.c. In particular nothing can be
 * opened.
 *
 * Return: NULL, or the name of the step that failed, with errno set.
 */
const char *sandbox_enter(unsigned int first_fd);

#endif /* BPFILTER_SANDBOX_H */
