/* SPDX-License-Identifier: GPL-2.0-only */
/* The helper's executable; the boot or the module's init copies it to tmpfs */
	.section .init.rodata, "a"
	.balign 8
	.globl bpfilter_umh_start_of_elf
bpfilter_umh_start_of_elf:
	.incbin BPFILTER_UMH_ELF
	.globl bpfilter_umh_end_of_elf
bpfilter_umh_end_of_elf:
