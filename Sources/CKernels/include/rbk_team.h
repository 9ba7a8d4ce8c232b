// A team of threads that share the work of one short query.
//
// A query of a dozen tokens takes about 2 ms and some thirty parallel sections, so the helpers spin
// between sections and sleep only after a pause in the work.
#ifndef RBK_TEAM_H
#define RBK_TEAM_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rbk_team rbk_team;

/// Starts a team of `threads` members, the caller of rbk_team_run among them. NULL without memory.
rbk_team *rbk_team_create(int threads);

/// Runs work(context, member) once for every member 0 ..< threads and returns when all are done.
/// One caller at a time.
void rbk_team_run(rbk_team *team, void (*work)(void *context, int member), void *context);

/// Ends the helpers and frees the team.
void rbk_team_destroy(rbk_team *team);

#ifdef __cplusplus
}
#endif

#endif
