# SPDX-License-Identifier: GPL-2.0
#
# usage: awk -F, -v out=FOLDER -f plot-data.awk results.csv
#
# For each family of rulesets and each kind of traffic a file
# FOLDER/FAMILY.TRAFFIC.dat with one block of lines for each engine, "rules ns",
# and FOLDER/FAMILY.load.dat likewise, "rules ms", for plot.gp. Names of these files
# are printed. Rulesets without any rule have no place on a logarithmic axis.

function family(name)
{
	if (name ~ /^v[46]\//)
		return "real"
	if (name ~ /^(acl|fw|ipc)[0-9]+(-|_|$)/)
		return "classbench"
	sub(/-[0-9]+k?$/, "", name)
	gsub(/[^A-Za-z0-9_.-]/, "_", name)
	return name
}

function put(file, engine, rules, value)
{
	if (value == "" || value <= 0 || rules <= 0)
		return
	if (!(file in files))
		order[++num] = file
	files[file] = 1
	line[file, engine, ++count[file, engine]] = rules " " value
}

FNR == 1 { next }
{ put(family($2) "." $4, $1, $3, $5) }
!(($1, $2, $3) in loaded) {
	put(family($2) ".load", $1, $3, $7)
	loaded[$1, $2, $3] = 1
}

END {
	engines = split("floor empty native ipset nft nftset bpfilter", name, " ")
	for (f = 1; f <= num; f++) {
		file = out "/" order[f] ".dat"
		for (e = 1; e <= engines; e++) {
			n = count[order[f], name[e]]
			if (!n)
				continue
			print "\"" name[e] "\"" > file
			for (i = 1; i <= n; i++)
				print line[order[f], name[e], i] > file
			printf "\n\n" > file
		}
		close(file)
		print file
	}
}
