# SPDX-License-Identifier: GPL-2.0
#
# usage: gnuplot -e "data='FILE.dat'; picture='FILE.svg'; what='...'; lines=0|1" plot.gp
#
# A block of the data for each engine, its name on top

set terminal svg size 760,480 dynamic font "sans-serif,14" background "white"
set output picture
set logscale xy
set format x "10^{%L}"
set format y "10^{%L}"
set xlabel "rules"
set ylabel what
set grid xtics ytics lc rgb "#dddddd"
set key outside right top noopaque
set title headline noenhanced
stats data using 1:2 nooutput
blocks = STATS_blocks - (STATS_records > 0 ? 0 : 0)
color(name) = name eq "floor" ? 0x999999 : name eq "empty" ? 0x333333 : \
	name eq "native" ? 0xd62728 : name eq "ipset" ? 0xff9f1c : \
	name eq "nft" ? 0x1f77b4 : name eq "nftset" ? 0x17becf : 0x2ca02c
names = system("sed -n 's/^\"\\(.*\\)\"$/\\1/p' " . data)
if (lines) {
	plot for [i = 1:words(names)] data index i - 1 using 1:2 \
		with linespoints lw 2 pt 7 ps 0.6 lc rgb color(word(names, i)) \
		title word(names, i)
} else {
	plot for [i = 1:words(names)] data index i - 1 using 1:2 \
		with points pt 7 ps 0.7 lc rgb color(word(names, i)) \
		title word(names, i)
}
