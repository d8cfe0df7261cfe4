#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The command's help, its man page and what completes its command lines agree,
# and what the man page says of JSON holds.

# shellcheck disable=SC2154	# $box, $scratch and $lib_dir come from lib.sh

# shellcheck source=/dev/null
. "$(dirname "$0")/lib.sh"

BPFILTER=${BPFILTER:-bpfilter}

# find_doc FILE FOLDER: where $DOC, an installed test or a kernel tree has it
find_doc()
{
	local file

	for file in "${DOC:-$lib_dir/../doc}/$1" \
		    "$lib_dir/../../../bpfilter/$2/$1"; do
		[[ ! -r $file ]] || break
	done
	echo "$file"
}

MAN=$(find_doc bpfilter.rst Documentation)
COMPLETION=$(find_doc bpfilter bash-completion)

require_bpfilter
require_cmd "$BPFILTER" jq
[[ -r $MAN && -r $COMPLETION ]] ||
	skip_all "no man page $MAN or completion $COMPLETION"

HELP=$("$BPFILTER" help)

commands()
{
	"$BPFILTER" -j help | jq -r '.commands[].name' | sort
}

# Options of help, as -x and --long
options()
{
	grep -oE -- '^    -., --[a-z0-9-]+' <<<"$HELP" | tr -d ' ' | tr , '\n' | sort
}

# The lists below have a word as often as the man page has it, which is once

# man_section TITLE: its lines without the title
man_section()
{
	awk -v title="$1" '
		/^===/ && last ~ /^[A-Z]/ { on = last == title; last = ""; next }
		on { print last }
		{ last = $0 }
		END { if (on) print last }' "$MAN"
}

man_titles()
{
	awk '/^===/ && last ~ /^[A-Z]/ { print last }
		{ last = $0 }' "$MAN"
}

# Words in bold from a definition in the synopsis to the next one or the end
man_synopsis()
{
	man_section SYNOPSIS | awk -v name="^[*]$1[*] :=" '
		/^[*][A-Z]+[*] :=/ { on = $0 ~ name }
		on' | grep -oE '\*\*[a-zA-Z0-9-]+\*\*' | tr -d '*' | sort
}

man_overview()
{
	man_section COMMANDS |
		sed -nE 's/^[|] \*\*bpfilter\*\* (\[[^]]*\] )?\*\*([a-z]+)\*\*.*/\2/p' |
		sort
}

# Commands and options that the man page has a paragraph for; dump has two
man_commands()
{
	sed -nE '/^bpfilter dump file /d; s/^bpfilter ([a-z]+).*/\1/p' "$MAN" |
		sort
}

man_options()
{
	man_section OPTIONS | grep -E -- '^-., --' |
		grep -oE -- '(^|[ ,])--?[a-z0-9A-Z-]+' | tr -d ' ,' | sort
}

# complete WORD...: what the last one can become
complete_line()
{
	(
		# shellcheck source=/dev/null
		. "$COMPLETION"
		export COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		COMPREPLY=()
		_bpfilter
		printf '%s\n' "${COMPREPLY[@]}" | sort
	)
}

agree()
{
	local what=$1 got=$2 want=$3

	[[ -n $want && $got = "$want" ]] && return
	echo "# $what differ from help:"
	diff <(echo "$want") <(echo "$got") | sed 's/^/#   /'
	return 1
}

test_man_commands()
{
	agree "commands of the synopsis" "$(man_synopsis COMMAND)" "$(commands)" &&
		agree "commands of the overview" "$(man_overview)" "$(commands)" &&
		agree "commands of the man page" "$(man_commands)" "$(commands)"
}

test_man_titles()
{
	local twice

	twice=$(man_titles | sort | uniq -d)
	[[ $(man_titles) && -z $twice ]] || {
		echo "# more than one section ${twice//$'\n'/, }"
		return 1
	}
}

test_man_options()
{
	agree "options of the man page" "$(man_options)" "$(options)" &&
		agree "options of the synopsis" \
			"$(man_synopsis OPTIONS)" "$(options)"
}

test_completion_commands()
{
	agree "completed commands" "$(complete_line "$BPFILTER" '')" \
		"$(commands)"
}

test_completion_options()
{
	agree "completed options" "$(complete_line "$BPFILTER" -)" "$(options)"
}

# own COMMAND: the options that only this command has
own()
{
	"$BPFILTER" -j help | jq -r --arg name "$1" '.commands[] |
		select(.name == $name).options[] | "--\(.)"' | sort
}

# The man page's paragraph of a command has its own options, completion, too
test_own_options()
{
	local cmd words

	for cmd in $(commands); do
		words=$(own "$cmd")
		[[ $words ]] || continue
		agree "options of $cmd in the man page" "$(awk -v name="$cmd" '
			/^bpfilter / { on = $2 == name }
			on' "$MAN" | grep -oE -- '^ {4}.*\*\*--[a-z]+\*\*' |
			grep -oE -- '--[a-z]+' | sort -u |
			grep -xF -- "$words")" "$words" &&
			agree "completed options of $cmd" \
				"$(complete_line "$BPFILTER" "$cmd" - |
					grep -vxF -- "$(options)")" "$words" ||
			return
	done
}

# A word that no command begins with, and each command with an unknown option
test_help_is_all()
{
	local cmd

	! "$BPFILTER" zzz >/dev/null 2>&1 || return
	for cmd in $(commands); do
		! "$BPFILTER" "$cmd" --no-such-option >/dev/null 2>&1 || {
			echo "# $cmd takes --no-such-option"
			return 1
		}
	done
}

# members COMMAND...: each member of its JSON stands in that section of the man
# page, in italics: in bold it would be a command or a value
members()
{
	local key missing=''

	in_ns "$box" "$BPFILTER" -j "$@" >"$scratch/members" || return
	while read -r key; do
		man_section JSON | grep -qE -- "(^|[^*])[*]${key}[*]([^*]|$)" ||
			missing+=" $key"
	done < <(jq -r '[paths | map(strings)[-1:][]] | unique[]' \
		"$scratch/members")
	[[ -z $missing ]] || {
		echo "# of $* not in the man page:$missing"
		return 1
	}
}

test_members()
{
	local cmd

	members -P show || return
	for cmd in rules explain help version; do
		members "$cmd" || return
	done
}

# The example for Prometheus, as far as its pipe goes
test_metrics()
{
	local line text

	text=$(awk '/^    bpfilter -a -j show/ { on = 1 }
		    / > \/var/ { exit }
		    on' "$MAN" | sed 's/ \\$//')
	[[ $text ]] || return
	eval "${text/bpfilter/"$BPFILTER"}" >"$scratch/metrics" || return
	grep -q "^bpfilter_rules{netns=\"$box\",family=\"ipv4\",table=\"filter\"} 1$" \
		"$scratch/metrics" || {
		sed 's/^/# /' "$scratch/metrics"
		return 1
	}
	line=$(grep -vE '^[a-z_]+(\{[^}]*\})? [0-9]+$' "$scratch/metrics")
	[[ -z $line ]] || {
		echo "# no metric: $line"
		return 1
	}
}

plan 9
ns_add box
bpfilter_on "$box"
ipt "$box" -A INPUT -p tcp -m limit -j ACCEPT
check "the man page has the commands of help" test_man_commands
check "the man page has each section once" test_man_titles
check "the man page has the options of help" test_man_options
check "completion offers the commands of help" test_completion_commands
check "completion offers the options of help" test_completion_options
check "so do the options of single commands" test_own_options
check "an option that help does not have is refused" test_help_is_all
check "the man page has all members of JSON" test_members
check "the example for Prometheus gives metrics" test_metrics
finish
