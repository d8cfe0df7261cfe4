/* SPDX-License-Identifier: GPL-2.0 */
#ifndef UNIT_BPF_VM_IDS_H
#define UNIT_BPF_VM_IDS_H

/* Numbers that the machine's kernel has for types and functions */
#define VM_TYPE_FIRST			100
#define VM_KFUNC_FIRST			200

/* Bits around those that programs may look at */
#define VM_PKT_TYPE_SHIFT		2
#define VM_NF_TRACE_SHIFT		5

/* enum ip_conntrack_info's value that user space does not know */
#define VM_CTINFO_UNTRACKED		7

#endif /* UNIT_BPF_VM_IDS_H */
