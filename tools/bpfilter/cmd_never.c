// SPDX-License-Identifier: GPL-2.0
/* Why a rule never matches, in the words of the passes that found it */
#include <stdio.h>

#include "cmd_view.h"

/**
 * struct reason - one enum ir_never
 * @name:	in JSON
 * @text:	one line; of those with a rule behind it, what follows its name
 * @has_rule:	another rule is the reason
 */
struct reason {
	const char *name;
	const char *text;
	bool has_rule;
};

static const struct reason reasons[] = {
	[IR_NEVER_UNKNOWN]	= { "" },
	[IR_NEVER_TEST]		= {
		"impossible", "it asks for what no packet can have"
	},
	[IR_NEVER_DEVICE]	= {
		"device",
		"it asks for a device that packets do not have at this hook"
	},
	[IR_NEVER_CONFLICT]	= {
		"contradiction", "what it asks for excludes each other"
	},
	[IR_NEVER_CALLER]	= {
		"caller",
		"alone leads to this chain, with packets that this rule excludes",
		true
	},
	[IR_NEVER_SHADOWED]	= {
		"shadowed",
		"comes first and keeps all packets that this rule asks for",
		true
	},
	[IR_NEVER_BEHIND]	= {
		"behind", "comes first and keeps all packets", true
	},
	[IR_NEVER_CHAIN]	= {
		"unreachable", "no packet gets to its chain"
	},
};

/* Its tests can be seen, as they drop packets or ask the kernel, or it is a chain's end */
static bool is_kept(const struct ir_rule *rule)
{
	return !rule->dead;
}

/**
 * never_plain - print why a rule never matches as text
 * @v:		the table
 * @entry:	index of the rule; if it may match nothing is printed
 * @indent:	in front of each line
 */
void never_plain(const struct view *v, uint32_t entry, const char *indent)
{
	const struct ir_ruleset *rs = v->translation.rs;
	const struct ir_rule *rule = &rs->rules[entry];
	const struct reason *reason = &reasons[rule->never];
	char name[64];

	if (!rule->never)
		return;
	if (reason->has_rule)
		printf("%snever matches: %s %s\n%s    %s\n", indent,
		       view_rule_name(rs, rule->never_by, name, sizeof(name)),
		       reason->text, indent,
		       text_line(&v->text, rule->never_by));
	else
		printf("%snever matches: %s\n", indent, reason->text);
}

/**
 * never_json - print why a rule never matches as a member of an object
 * @json:	where to
 * @v:		the table
 * @entry:	index of the rule; if it may match nothing is printed
 */
void never_json(json_writer_t *json, const struct view *v, uint32_t entry)
{
	const struct ir_ruleset *rs = v->translation.rs;
	const struct ir_rule *rule = &rs->rules[entry];
	const struct ir_rule *by = &rs->rules[rule->never_by];

	if (!rule->never)
		return;
	jsonw_name(json, "never");
	jsonw_start_object(json);
	jsonw_string_field(json, "reason", reasons[rule->never].name);
	jsonw_string_field(json, "explanation",
			   reasons[rule->never].text);
	jsonw_bool_field(json, "kept", is_kept(rule));
	if (reasons[rule->never].has_rule) {
		jsonw_name(json, "by");
		jsonw_start_object(json);
		blob_name_json(json, "chain", by->chain < 0 ? "" :
			  rs->chains[by->chain].name);
		jsonw_uint_field(json, "number", by->number);
		jsonw_string_field(json, "text",
				   text_line(&v->text, rule->never_by));
		jsonw_end_object(json);
	}
	jsonw_end_object(json);
}
