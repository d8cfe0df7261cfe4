#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A session with unmodified iptables on bpfilter: this machine is the firewall,
# the network namespace "client" at the other end of a veth pair its visitor.
# Ends with 0 only if everything went as it says.

BAD=0

say()
{
	printf '\n=== %s\n' "$*"
}

# Show a command as a session does, and run it
run()
{
	echo "# $*"
	eval "$*"
}

# passes TEXT COMMAND, fails TEXT COMMAND: run it, then say if it ended as it has to
passes()
{
	local text=$1

	shift
	if run "$*"; then
		echo "--> $text, as it should"
	else
		echo "--> WRONG: failed, but $text"
		BAD=1
	fi
}

fails()
{
	local text=$1

	shift
	if run "$*"; then
		echo "--> WRONG: went through, but $text"
		BAD=1
	else
		echo "--> $text, as it should"
	fi
}

make_network()
{
	ip netns add client
	ip link add veth0 type veth peer name eth0 netns client
	ip addr add 10.0.0.1/24 dev veth0
	ip link set veth0 up
	ip -n client addr add 10.0.0.2/24 dev eth0
	ip -n client link set eth0 up
	ip -n client link set lo up
	socat TCP-LISTEN:80,fork SYSTEM:'echo hello from port 80' &
	socat TCP-LISTEN:23,fork SYSTEM:'echo hello from port 23' &
	ping -c 1 -W 2 10.0.0.2 >/dev/null
}

ask()
{
	echo "ip netns exec client socat -u TCP:10.0.0.1:$1,connect-timeout=2 -"
}

basic_session()
{
	say "iptables on this machine is to be served by bpfilter"
	passes "bpfilter is on" sysctl -w net.netfilter.bpfilter=1
	run iptables --version
	say "Before any rule, the client reaches both services"
	passes "port 80 answers" "$(ask 80)"
	passes "port 23 answers" "$(ask 23)"
	say "A chain of our own, a tcp port, connection states, policy DROP"
	passes "the rules load" "iptables -N services &&
iptables -A services -p tcp --dport 80 -j ACCEPT &&
iptables -A services -s 10.0.0.2 -p icmp --icmp-type echo-request -j ACCEPT &&
iptables -A INPUT -i lo -j ACCEPT &&
iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT &&
iptables -A INPUT -m conntrack --ctstate NEW -j services &&
iptables -P INPUT DROP"
	say "What is allowed passes, what is not does not"
	passes "port 80 answers" "$(ask 80)"
	fails "port 23 is silent" "$(ask 23)"
	passes "ping passes" \
		"ip netns exec client ping -c 2 -i 0.2 -W 2 10.0.0.1"
	say "Every packet is counted"
	run iptables -L -v -n
	passes "one connection to port 80 is one new packet" \
		"iptables -L services 1 -v -x -n | grep -w '1       60'"
	say "What bpfilter holds, and the BPF programs behind it"
	passes "bpfilter shows its table" bpfilter show
	run bpftool prog
	run bpfilter dump table filter '|' head -n 40
}

real_ruleset()
{
	local file=/mnt/share/rulesets/v4/$1.rules set=$1

	if [[ ! -f $file ]]; then
		say "No real rulesets beside this checkout (../shared/rulesets):" \
			"that part is left out"
		return
	fi
	say "A real ruleset, $set, in a namespace of its own"
	ip netns add real
	ip netns exec real sysctl -q -w net.netfilter.bpfilter=1
	[[ ! -f ${file%.rules}.ipset ]] ||
		run "ip netns exec real ipset restore <${file%.rules}.ipset"
	passes "it loads" "ip netns exec real iptables-restore <$file"
	run "ip netns exec real iptables -L -v -n -t filter | head -n 30"
	passes "bpfilter holds it" "ip netns exec real bpfilter show"
}

make_network
basic_session
real_ruleset emailgw
say "End of the session"
[[ $BAD = 0 ]] || echo "Something was wrong: see WRONG above"
exit $BAD
