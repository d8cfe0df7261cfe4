// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests to the helper: one at a time, in the order they came.
 *
 * An ordered workqueue is the queue and owns both pipes. The caller of a
 * replace only waits for its request to complete, so neither SIGPIPE nor a
 * signal in the middle of a transfer can reach it, and because it holds its
 * network namespace's replace_lock meanwhile, a namespace has one request in
 * the queue at most: namespaces take turns however many processes in one of
 * them ask.
 *
 * The worker sleeps in the pipes without a timeout. What ends a wait is the end
 * of the helper, which closes its ends of them: by itself, killed by whoever,
 * by the watchdog when its time is up, or because the caller was killed and
 * nobody wants the answer any more.
 *
 * Locking: flight.lock covers the request in flight against its commit, its
 * watchdog and the death of its caller. None of them sleeps for long under it,
 * and no caller holds it while it waits.
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "internal.h"

/*
 * A helper that died may have been killed by chance (an administrator, the OOM
 * killer) or by this very ruleset: try again, but not for ever.
 */
#define REQUEST_ATTEMPTS	3

/* Time for all attempts: some seconds, and a second per so many bytes */
#define REQUEST_SECONDS		60
#define REQUEST_BYTES_PER_SEC	(32 * 1024)

static unsigned int plan __read_mostly = BPFILTER_PLAN_AUTO;
module_param(plan, uint, 0644);
MODULE_PARM_DESC(plan, "What do chains become? 0: what costs least, 1: code, 2: data, 3: mixed, for tests");

static void flight_timeout(struct work_struct *work);

static struct {
	struct mutex lock;		/* protects the next two fields */
	struct bpfilter_req *req;
	u64 last_id;
	struct delayed_work watchdog;
	struct workqueue_struct *queue;
} flight = {
	.lock		= __MUTEX_INITIALIZER(flight.lock),
	.watchdog	= __DELAYED_WORK_INITIALIZER(flight.watchdog,
						     flight_timeout, 0),
};

/**
 * bpfilter_req_init - make the queue
 *
 * Return: 0 or -ENOMEM.
 */
int bpfilter_req_init(void)
{
	flight.queue = alloc_ordered_workqueue("bpfilter", 0);
	return flight.queue ? 0 : -ENOMEM;
}

/**
 * bpfilter_req_exit - free the queue; no request is left
 */
void bpfilter_req_exit(void)
{
	destroy_workqueue(flight.queue);
}

/**
 * bpfilter_req_busy - does the helper work on a request?
 *
 * Return: true if it does; may have changed already.
 */
bool bpfilter_req_busy(void)
{
	return READ_ONCE(flight.req);
}

/**
 * bpfilter_req_in_flight - find the request that a commit belongs to
 * @id:		as the helper says
 *
 * Return: the request, which stays in flight until bpfilter_req_release();
 * NULL if it is not that one which is in flight.
 */
struct bpfilter_req *bpfilter_req_in_flight(u64 id)
{
	mutex_lock(&flight.lock);
	if (flight.req && flight.req->id == id)
		return flight.req;
	mutex_unlock(&flight.lock);
	return NULL;
}

/**
 * bpfilter_req_release - end what bpfilter_req_in_flight() began
 */
void bpfilter_req_release(void)
{
	mutex_unlock(&flight.lock);
}

static void flight_timeout(struct work_struct *work)
{
	mutex_lock(&flight.lock);
	if (flight.req) {
		flight.req->timed_out = true;
		bpfilter_umh_kill();
	}
	mutex_unlock(&flight.lock);
}

static unsigned long request_time(const struct bpfilter_req *req)
{
	return HZ * (REQUEST_SECONDS +
		     (unsigned long)req->replace->size / REQUEST_BYTES_PER_SEC);
}

/* What earlier attempts left */
static unsigned long flight_time(const struct bpfilter_req *req)
{
	const unsigned long now = jiffies;

	return time_before(now, req->deadline) ? req->deadline - now : 0;
}

static int flight_begin(struct bpfilter_req *req)
{
	bool abandoned;

	mutex_lock(&flight.lock);
	abandoned = req->abandoned;
	req->id = ++flight.last_id;
	WRITE_ONCE(flight.req, req);
	mutex_unlock(&flight.lock);
	queue_delayed_work(system_wq, &flight.watchdog, flight_time(req));
	return abandoned ? -EINTR : 0;
}

static void flight_end(void)
{
	cancel_delayed_work_sync(&flight.watchdog);
	mutex_lock(&flight.lock);
	WRITE_ONCE(flight.req, NULL);
	mutex_unlock(&flight.lock);
}

static int send_request(const struct bpfilter_req *req)
{
	const struct ipt_replace *replace = req->replace;
	const unsigned int wanted = READ_ONCE(plan);
	const struct bpfilter_request request = {
		.magic		= BPFILTER_REQUEST_MAGIC,
		.version	= BPFILTER_PROTOCOL_VERSION,
		.family		= req->family->nfproto,
		.id		= req->id,
		.size		= sizeof(*replace) + replace->size,
		.nr_cpus	= nr_cpu_ids,
		.hz		= HZ,
		.plan		= wanted <= BPFILTER_PLAN_MAX ?
				  wanted : BPFILTER_PLAN_AUTO,
		.netns		= req->netns,
	};
	int err;

	err = bpfilter_umh_write(&request, sizeof(request));
	if (err)
		return err;
	return bpfilter_umh_write(replace, request.size);
}

/* Names in it come from whoever wrote the ruleset; it goes to the log */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (!isascii(*text) || !isprint(*text))
			*text = '?';
}

static bool reply_in_step(const struct bpfilter_req *req,
			  const struct bpfilter_reply *reply)
{
	/*
	 * From ERESTARTSYS on error numbers are not for user space, and
	 * ENOPROTOOPT would say that the table is not bpfilter's.
	 */
	return reply->magic == BPFILTER_REPLY_MAGIC &&
	       reply->version == BPFILTER_PROTOCOL_VERSION &&
	       !reply->reserved && reply->id == req->id &&
	       reply->error < ERESTARTSYS && reply->error != ENOPROTOOPT &&
	       reply->message_len < BPFILTER_MESSAGE_MAX;
}

/* Success needs programs, and programs need success */
static bool reply_fits_commit(const struct bpfilter_req *req,
			      const struct bpfilter_reply *reply)
{
	const struct bpfilter_commitment *commitment = &req->commitment;

	if (!reply->error)
		return commitment->parked && !commitment->refused;
	return !commitment->parked || commitment->refused;
}

static int receive_reply(struct bpfilter_req *req)
{
	struct bpfilter_reply reply;
	int err;

	err = bpfilter_umh_read(&reply, sizeof(reply));
	if (err)
		return err;
	if (!reply_in_step(req, &reply) || !reply_fits_commit(req, &reply))
		return -EPROTO;

	err = bpfilter_umh_read(req->message, reply.message_len);
	if (err)
		return err;
	req->message[reply.message_len] = '\0';
	make_printable(req->message);
	req->error = -(int)reply.error;
	return 0;
}

/*
 * Return: 0 if the helper answered, req->error says what; -EIO if there is no
 * helper; -EPIPE, -EPROTO, -ETIMEDOUT or -EINTR and no helper any more if it
 * died, sent nonsense, was too slow or its answer is not wanted.
 */
static int request_attempt(struct bpfilter_req *req)
{
	int err;

	err = bpfilter_umh_start();
	if (err)
		return err;

	err = flight_begin(req);
	if (!err)
		err = send_request(req);
	if (!err)
		err = receive_reply(req);
	flight_end();

	if (!err)
		return 0;
	bpfilter_umh_stop();
	bpfilter_commitment_drop(&req->commitment);
	if (req->abandoned)
		return -EINTR;
	return req->timed_out ? -ETIMEDOUT : err;
}

static void request_complain(int err)
{
	switch (err) {
	case -EPIPE:
		pr_err_ratelimited("the helper died %u times on a ruleset\n",
				   REQUEST_ATTEMPTS);
		break;
	case -EPROTO:
		pr_err_ratelimited("the helper's answer makes no sense\n");
		break;
	case -ETIMEDOUT:
		pr_err_ratelimited("the helper took too long for a ruleset\n");
		break;
	}
}

static void request_work(struct work_struct *work)
{
	struct bpfilter_req *req = container_of(work, struct bpfilter_req,
						work);
	int err = -EPIPE;
	int i;

	req->deadline = jiffies + request_time(req);
	for (i = 0; i < REQUEST_ATTEMPTS && err == -EPIPE; i++)
		err = request_attempt(req);
	if (err) {
		request_complain(err);
		req->message[0] = '\0';
		req->error = err == -EPIPE || err == -EPROTO ? -EIO : err;
	}
	complete(&req->done);
}

/*
 * The caller was killed: take the request out of the queue, or out of the
 * helper's hands by ending the helper. The worker finishes at once then.
 */
static void request_abandon(struct bpfilter_req *req)
{
	if (cancel_work(&req->work))
		return;

	mutex_lock(&flight.lock);
	req->abandoned = true;
	if (flight.req == req)
		bpfilter_umh_kill();
	mutex_unlock(&flight.lock);
	wait_for_completion(&req->done);
}

/**
 * bpfilter_req_run - have the helper compile a ruleset
 * @net:	network namespace of the table
 * @family:	of the ruleset
 * @replace:	option value whose size and offsets are checked
 *
 * Sleeps until the helper is done with it, killably. The result is in the
 * request: @error is 0 and @commitment holds programs; or @error is
 * - what the native engine says to such a ruleset, or
 * - -EINVAL and @commitment says that the ruleset was refused, or
 * - -EIO if there is no working helper, -ETIMEDOUT if it takes too long,
 *   -EINTR if the caller was killed, or
 * - whatever the helper met, as -ENOMEM.
 *
 * Return: the request, for bpfilter_req_free(), or NULL without memory.
 */
struct bpfilter_req *bpfilter_req_run(const struct net *net,
				      const struct bpfilter_family *family,
				      const struct ipt_replace *replace)
{
	struct bpfilter_req *req;

	req = kzalloc(sizeof(*req), GFP_KERNEL_ACCOUNT);
	if (!req)
		return NULL;
	INIT_WORK(&req->work, request_work);
	init_completion(&req->done);
	req->netns = net->ns.inum;
	req->family = family;
	req->replace = replace;

	queue_work(flight.queue, &req->work);
	/*
	 * A system that suspends freezes the helper: who waits for it must let
	 * itself be frozen too, though with replace_lock in its hands.
	 */
	if (wait_for_completion_state(&req->done, TASK_KILLABLE |
						  TASK_FREEZABLE_UNSAFE)) {
		request_abandon(req);
		req->error = -EINTR;
	}
	return req;
}

/**
 * bpfilter_req_free - free a request and what is left in it
 * @req:	request; a commitment moved elsewhere was cleared in it
 */
void bpfilter_req_free(struct bpfilter_req *req)
{
	bpfilter_commitment_drop(&req->commitment);
	kfree(req);
}
