/* SPDX-License-Identifier: GPL-2.0 */
#ifndef BPFILTER_UTIL_H
#define BPFILTER_UTIL_H

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(arr)		(sizeof(arr) / sizeof((arr)[0]))
#endif

#ifndef __printf
#define __printf(a, b)		__attribute__((format(printf, a, b)))
#endif

#endif /* BPFILTER_UTIL_H */
