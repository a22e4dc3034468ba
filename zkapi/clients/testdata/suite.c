/* Runs the C client against the server that is named, and prints a line for each check. */

#define THREADED
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

static const char *hosts;
static int failed;
static char why[256];

/* must ends the check that it stands in where the condition does not hold. */
#define must(condition, ...)                                  \
	do {                                                  \
		if (!(condition)) {                           \
			snprintf(why, sizeof why, __VA_ARGS__); \
			return 0;                             \
		}                                             \
	} while (0)

/* rc ends the check that it stands in where a call does not return what is wanted. */
#define rc(want, call)                                                              \
	do {                                                                        \
		int got_ = (call);                                                  \
		must(got_ == (want), "%s: %s, want %s", #call, zerror(got_), zerror(want)); \
	} while (0)

#define within(condition)                                                        \
	do {                                                                     \
		int left_ = 1500;                                                \
		while (!(condition) && left_-- > 0)                              \
			nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL); \
		must(condition, "not in time: %s", #condition);                  \
	} while (0)

/* The last event of a watch, and how many came. */
struct seen {
	volatile int count, type;
	char path[128];
};

static void watch(zhandle_t *zh, int type, int state, const char *path, void *context)
{
	struct seen *s = context;
	if (s == NULL || type == ZOO_SESSION_EVENT)
		return;
	snprintf(s->path, sizeof s->path, "%s", path);
	s->type = type;
	__sync_synchronize();
	s->count++;
}

/* The answer to a call that was sent without waiting. */
static volatile int answered, answer;

static void told(int code, const void *data)
{
	answer = code;
	__sync_synchronize();
	answered++;
}

/* caught_up makes a client's member show what others have written before. */
#define caught_up(zh)                                                            \
	do {                                                                     \
		answered = 0;                                                    \
		rc(ZOK, zoo_async(zh, "/", (string_completion_t)told, NULL));    \
		within(answered == 1);                                           \
		must(answer == ZOK, "sync answers %s", zerror(answer));          \
	} while (0)

static zhandle_t *dial(const clientid_t *id)
{
	zhandle_t *zh = zookeeper_init(hosts, watch, 10000, id, NULL, 0);
	for (int i = 0; zh != NULL && i < 1500 && zoo_state(zh) != ZOO_CONNECTED_STATE && zoo_state(zh) != ZOO_EXPIRED_SESSION_STATE; i++)
		nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
	return zh;
}

static zhandle_t *a, *b;

static int nodes(void)
{
	char path[64], buffer[16];
	int length = sizeof buffer;
	struct Stat s;
	struct String_vector names;
	must(zoo_state(a) == ZOO_CONNECTED_STATE && zoo_state(b) == ZOO_CONNECTED_STATE, "not connected");
	rc(ZOK, zoo_create(a, "/c", "x", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, path, sizeof path));
	must(strcmp(path, "/c") == 0, "created %s", path);
	rc(ZNODEEXISTS, zoo_create(a, "/c", NULL, -1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0));
	rc(ZOK, zoo_create2(a, "/c/n-", NULL, -1, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL | ZOO_SEQUENCE, path, sizeof path, &s));
	must(strcmp(path, "/c/n-0000000000") == 0 && s.ephemeralOwner == zoo_client_id(a)->client_id, "created %s", path);
	rc(ZOK, zoo_create_ttl(a, "/c/ttl", "t", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_WITH_TTL, 60000, NULL, 0));
	rc(ZOK, zoo_create2_ttl(a, "/c/ttl2", "t", 1, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT_WITH_TTL, 60000, path, sizeof path, &s));
	rc(ZOK, zoo_create(a, "/c/box", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_CONTAINER, NULL, 0));
	rc(ZOK, zoo_set2(a, "/c", "yy", 2, 0, &s));
	must(s.version == 1 && s.dataLength == 2, "version %d", s.version);
	rc(ZBADVERSION, zoo_set(a, "/c", "z", 1, 0));
	rc(ZOK, zoo_get(a, "/c", 0, buffer, &length, &s));
	must(length == 2 && memcmp(buffer, "yy", 2) == 0 && s.numChildren == 4, "%d bytes, %d children", length, s.numChildren);
	length = sizeof buffer;
	rc(ZOK, zoo_get(a, "/c/n-0000000000", 0, buffer, &length, NULL));
	must(length == -1, "null data reads as %d bytes", length);
	rc(ZOK, zoo_get_children2(a, "/c", 0, &names, &s));
	must(names.count == 4, "%d children", names.count);
	deallocate_String_vector(&names);
	rc(ZNOTEMPTY, zoo_delete(a, "/c", -1));
	rc(ZNONODE, zoo_exists(a, "/c/none", 0, &s));
	return 1;
}

static int watches(void)
{
	struct seen data = {0}, children = {0}, exists = {0};
	struct Stat s;
	struct String_vector names;
	char buffer[8];
	int length = sizeof buffer;
	rc(ZOK, zoo_create(a, "/c/w", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0));
	rc(ZOK, zoo_wget(a, "/c/w", watch, &data, buffer, &length, &s));
	rc(ZOK, zoo_wget_children(a, "/c/w", watch, &children, &names));
	deallocate_String_vector(&names);
	rc(ZNONODE, zoo_wexists(a, "/c/w/k", watch, &exists, &s));
	caught_up(b);
	rc(ZOK, zoo_set(b, "/c/w", "1", 1, -1));
	rc(ZOK, zoo_create(b, "/c/w/k", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_PERSISTENT, NULL, 0));
	within(data.count == 1 && children.count == 1 && exists.count == 1);
	must(data.type == ZOO_CHANGED_EVENT && children.type == ZOO_CHILD_EVENT && exists.type == ZOO_CREATED_EVENT,
		"events %d, %d, %d", data.type, children.type, exists.type);
	must(strcmp(data.path, "/c/w") == 0 && strcmp(exists.path, "/c/w/k") == 0, "paths %s, %s", data.path, exists.path);
	rc(ZNONODE, zoo_wexists(a, "/c/w/gone", watch, &exists, &s));
	rc(ZOK, zoo_remove_watches(a, "/c/w/gone", ZWATCHTYPE_DATA, watch, &exists, 0));
	return 1;
}

static int transactions(void)
{
	zoo_op_t ops[3];
	zoo_op_result_t results[3];
	char path[64];
	struct Stat s;
	zoo_create_op_init(&ops[0], "/c/m", "1", 1, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path);
	zoo_set_op_init(&ops[1], "/c/m", "2", 1, 0, &s);
	zoo_check_op_init(&ops[2], "/c/m", 1);
	rc(ZOK, zoo_multi(a, 3, ops, results));
	must(strcmp(path, "/c/m") == 0 && s.version == 1, "%s, version %d", path, s.version);
	zoo_delete_op_init(&ops[0], "/c/m", -1);
	zoo_check_op_init(&ops[1], "/c/none", -1);
	rc(ZNONODE, zoo_multi(a, 2, ops, results));
	must(results[0].err == ZOK && results[1].err == ZNONODE, "results %d, %d", results[0].err, results[1].err);
	rc(ZOK, zoo_exists(a, "/c/m", 0, &s));
	return 1;
}

static int permissions(void)
{
	char buffer[8];
	int length = sizeof buffer;
	struct ACL_vector acl;
	struct Stat s;
	answered = 0;
	rc(ZOK, zoo_add_auth(a, "digest", "user:password", 13, (void_completion_t)told, NULL));
	within(answered == 1);
	must(answer == ZOK, "add_auth answers %s", zerror(answer));
	rc(ZOK, zoo_create(a, "/c/secret", "x", 1, &ZOO_CREATOR_ALL_ACL, ZOO_PERSISTENT, NULL, 0));
	caught_up(b);
	rc(ZNOAUTH, zoo_get(b, "/c/secret", 0, buffer, &length, NULL));
	length = sizeof buffer;
	rc(ZOK, zoo_get(a, "/c/secret", 0, buffer, &length, NULL));
	rc(ZOK, zoo_get_acl(a, "/c/secret", &acl, &s));
	must(acl.count == 1 && strcmp(acl.data[0].id.scheme, "digest") == 0, "%d entries, %s", acl.count, acl.data[0].id.scheme);
	deallocate_ACL_vector(&acl);
	rc(ZOK, zoo_set_acl(a, "/c/secret", 0, &ZOO_OPEN_ACL_UNSAFE));
	caught_up(b);
	length = sizeof buffer;
	rc(ZOK, zoo_get(b, "/c/secret", 0, buffer, &length, NULL));
	return 1;
}

/* The session of a client that has died: leave makes it before this process has threads. */
static clientid_t left;

static int leave(void)
{
	int ends[2], status;
	must(pipe(ends) == 0, "pipe");
	pid_t child = fork();
	must(child >= 0, "fork");
	if (child == 0) {
		zhandle_t *zh = dial(NULL);
		int code = zoo_create(zh, "/c-own", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0);
		if (code == ZOK && write(ends[1], zoo_client_id(zh), sizeof left) == sizeof left)
			_exit(0);
		_exit(1);
	}
	must(waitpid(child, &status, 0) == child && status == 0, "the child");
	must(read(ends[0], &left, sizeof left) == sizeof left, "read");
	return 1;
}

static int sessions(void)
{
	struct Stat s;
	clientid_t wrong = left;
	wrong.passwd[0] ^= 1;
	zhandle_t *zh = dial(&wrong);
	must(zoo_state(zh) == ZOO_EXPIRED_SESSION_STATE, "a wrong password: state %d", zoo_state(zh));
	zookeeper_close(zh);
	zh = dial(&left);
	must(zoo_state(zh) == ZOO_CONNECTED_STATE && zoo_client_id(zh)->client_id == left.client_id, "state %d", zoo_state(zh));
	rc(ZOK, zoo_exists(zh, "/c-own", 0, &s));
	must(s.ephemeralOwner == left.client_id, "another's");
	rc(ZOK, zookeeper_close(zh));
	within(zoo_exists(b, "/c-own", 0, &s) == ZNONODE);
	zh = dial(&left);
	must(zoo_state(zh) == ZOO_EXPIRED_SESSION_STATE, "a closed session: state %d", zoo_state(zh));
	zookeeper_close(zh);
	return 1;
}

static int another_member(void)
{
	struct Stat s;
	char buffer[8];
	int length = sizeof buffer;
	struct seen gone = {0};
	int64_t id = zoo_client_id(a)->client_id;
	char was[64];
	rc(ZOK, zoo_create(a, "/c/moving", "", 0, &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL, NULL, 0));
	rc(ZOK, zoo_create(a, "/c/mine", "x", 1, &ZOO_CREATOR_ALL_ACL, ZOO_PERSISTENT, NULL, 0));
	rc(ZOK, zoo_wexists(a, "/c/mine", watch, &gone, &s));
	snprintf(was, sizeof was, "%s", zoo_get_current_server(a));
	printf("kill %s\n", was);
	fflush(stdout);
	within(zoo_state(a) == ZOO_CONNECTED_STATE && strcmp(zoo_get_current_server(a), was) != 0 && zoo_exists(a, "/c/moving", 0, &s) == ZOK);
	must(zoo_client_id(a)->client_id == id && s.ephemeralOwner == id, "another session");
	rc(ZOK, zoo_get(a, "/c/mine", 0, buffer, &length, NULL)); /* its credentials went along */
	rc(ZOK, zoo_delete(a, "/c/mine", -1));
	within(gone.count == 1); /* and its watches */
	must(gone.type == ZOO_DELETED_EVENT, "event %d", gone.type);
	return 1;
}

int main(int count, char **args)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} checks[] = {{"nodes", nodes}, {"watches", watches}, {"transactions", transactions}, {"permissions", permissions}, {"sessions", sessions}, {"another member", another_member}};
	if (count != 2)
		return 2;
	hosts = args[1];
	zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
	if (!leave()) {
		printf("FAIL leave a session: %s\n", why);
		return 1;
	}
	a = dial(NULL);
	b = dial(NULL);
	for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
		if (checks[i].run()) {
			printf("ok %s\n", checks[i].name);
			continue;
		}
		failed++;
		printf("FAIL %s: %s\n", checks[i].name, why);
	}
	zookeeper_close(a);
	zookeeper_close(b);
	return failed != 0;
}
