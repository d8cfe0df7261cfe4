#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
#
# usage: scale-filters.py FILTERS N
#
# Make about N filters of the ClassBench set FILTERS, which has fewer: copies of
# it, each with its addresses mapped by a permutation of its own that preserves
# prefixes (two addresses that agree in their first n bits, and in no more, do so
# afterwards). So a copy has the set's lengths of prefixes and how they nest, its
# ports and protocols; copies meet where prefixes are short. Filter i of all
# copies comes before filter i + 1, which keeps what shadows what. Of filters that
# become equal one is kept, as ClassBench does: sets with many short prefixes may
# end below N. The same arguments give the same filters.
import hashlib
import re
import sys

COPIES_MAX = 100000
# Copies one after the other that brought nothing new
IDLE_MAX = 20


def flips(copy, side):
    """A function: which of an address' bits copy @copy turns around"""
    known = {}

    def flip(prefix, bits):
        key = (prefix, bits)
        if key not in known:
            text = f'{copy} {side} {prefix} {bits}'.encode()
            known[key] = hashlib.blake2b(text, digest_size=1).digest()[0] & 1
        return known[key]
    return flip


def move(addr, length, flip):
    """@addr with its first @length bits mapped"""
    out = 0
    for bit in range(length):
        shift = 31 - bit
        out |= ((addr >> shift & 1) ^ flip(addr >> (32 - bit), bit)) << shift
    return out


def parse_prefix(text):
    addr, length = text.split('/')
    value = 0
    for byte in addr.split('.'):
        value = value << 8 | int(byte)
    return value, int(length)


def show_prefix(value, length):
    quad = '.'.join(str(value >> shift & 255) for shift in (24, 16, 8, 0))
    return f'{quad}/{length}'


def read_filters(path):
    """Source, destination, and the rest of the line as it is"""
    line_form = re.compile(r'^@(\S+)\s+(\S+)\s+(.*)$')
    with open(path, encoding='ascii') as lines:
        found = [line_form.match(line) for line in lines]
    return [(parse_prefix(m[1]), parse_prefix(m[2]), m[3].rstrip())
            for m in found if m]


def make_copy(filters, copy):
    """The filters with addresses as in copy @copy; the first is the set"""
    if not copy:
        return filters
    src, dst = flips(copy, 'src'), flips(copy, 'dst')
    return [((move(*s, src), s[1]), (move(*d, dst), d[1]), rest)
            for s, d, rest in filters]


def scale(filters, wanted):
    seen, kept, idle = set(), [[] for _ in filters], 0
    for copy in range(COPIES_MAX):
        before = len(seen)
        for place, filt in enumerate(make_copy(filters, copy)):
            if len(seen) == wanted:
                return kept
            if filt not in seen:
                seen.add(filt)
                kept[place].append(filt)
        idle = idle + 1 if len(seen) == before else 0
        if idle == IDLE_MAX:
            break
    return kept


def main():
    if len(sys.argv) != 3 or not sys.argv[2].isdecimal():
        sys.exit('usage: scale-filters.py FILTERS N')
    for same_place in scale(read_filters(sys.argv[1]), int(sys.argv[2])):
        for src, dst, rest in same_place:
            print(f'@{show_prefix(*src)}\t{show_prefix(*dst)}\t{rest}')


if __name__ == '__main__':
    main()
