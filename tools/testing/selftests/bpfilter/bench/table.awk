# SPDX-License-Identifier: GPL-2.0
#
# usage: awk -F, -f table.awk spread.csv results.csv loads.csv append.csv
#
# Results for people: cost above the floor by engine, with the noise, and then
# what loading takes.

function key()
{
	return $2 "," $3
}

# Time in as many digits as count
function short(ns)
{
	if (ns >= 99950 || ns <= -99950)
		return sprintf("%.0fk", ns / 1000)
	if (ns >= 9995 || ns <= -9995)
		return sprintf("%.1fk", ns / 1000)
	return sprintf("%.0f", ns)
}

FNR == 1 { file++; next }

file == 1 { noise[$1, key() "," $4] = ($9 - $7) / 2; next }

file == 2 {
	k = key() "," $4
	if (!(k in seen))
		row[++rows] = k
	seen[k] = 1
	above[$1, k] = $6
	if ($1 == "floor")
		floor[k] = $5
	engines[$1] = 1
	next
}

file == 3 {
	if (!(key() in loaded))
		load[++loads] = key()
	loaded[key()] = 1
	ms[$1, key()] = $4
	bytes[$1, key()] = $8
	next
}

{
	if (!(key() in appended))
		append[++appends] = key()
	appended[key()] = 1
	plus[$1, key()] = $4
}

function heading(text, first,	i)
{
	printf "\n%s\n\n%-30s %7s %-8s", text, "ruleset", "rules",
	       first ? "traffic" : ""
	if (first)
		printf " %10s", "floor"
	for (i = first ? 2 : 3; i <= 7; i++)
		if (name[i] in engines)
			printf " %14s", name[i]
	print ""
}

function cell(e, k)
{
	if (!((e, k) in above))
		return "-"
	split(k, part, ",")
	return short(above[e, k]) " +-" short(noise[e, k])
}

END {
	split("floor empty native ipset nft nftset bpfilter", name, " ")
	heading("Nanoseconds for a packet: floor, above it by engine, +- half of what rounds span", 1)
	for (r = 1; r <= rows; r++) {
		k = row[r]
		split(k, part, ",")
		printf "%-30.30s %7d %-8s %10s", part[1], part[2], part[3],
		       short(floor[k])
		for (i = 2; i <= 7; i++)
			if (name[i] in engines)
				printf " %14s", cell(name[i], k)
		print ""
	}
	heading("Milliseconds to load, KiB of the kernel's memory", 0)
	for (r = 1; r <= loads; r++) {
		k = load[r]
		split(k, part, ",")
		printf "%-30.30s %7d %-8s", part[1], part[2], ""
		for (i = 3; i <= 7; i++)
			if ((name[i], k) in ms)
				printf " %7.1f %6d", ms[name[i], k],
				       bytes[name[i], k] / 1024
			else if (name[i] in engines)
				printf " %14s", "-"
		print ""
	}
	if (!appends)
		exit
	heading("Milliseconds to append a rule", 0)
	for (r = 1; r <= appends; r++) {
		k = append[r]
		split(k, part, ",")
		printf "%-30.30s %7d %-8s", part[1], part[2], ""
		for (i = 3; i <= 7; i++)
			if ((name[i], k) in plus)
				printf " %14.1f", plus[name[i], k]
			else if (name[i] in engines)
				printf " %14s", "-"
		print ""
	}
}
