#include "include/rbk_team.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

enum { SPINS = 20000 };  // some 100 microseconds

struct rbk_team {
  int threads;
  pthread_t *helpers;
  void (*work)(void *context, int member);
  void *context;
  atomic_uint round;    // grows by one with each section
  atomic_int working;   // helpers that have not finished the section
  atomic_int sleeping;  // helpers waiting on `wake`
  atomic_bool ended;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
};

typedef struct {
  rbk_team *team;
  int member;
} helper_argument;

static inline void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

static void *help(void *argument) {
  helper_argument mine = *(helper_argument *)argument;
  free(argument);
  rbk_team *team = mine.team;
  unsigned seen = 0;
  for (;;) {
    int spins = 0;
    while (atomic_load_explicit(&team->round, memory_order_acquire) == seen) {
      if (++spins < SPINS) {
        pause_briefly();
        continue;
      }
      pthread_mutex_lock(&team->mutex);
      atomic_fetch_add(&team->sleeping, 1);
      while (atomic_load(&team->round) == seen) pthread_cond_wait(&team->wake, &team->mutex);
      atomic_fetch_sub(&team->sleeping, 1);
      pthread_mutex_unlock(&team->mutex);
    }
    seen++;
    if (atomic_load(&team->ended)) return NULL;
    team->work(team->context, mine.member);
    atomic_fetch_sub_explicit(&team->working, 1, memory_order_release);
  }
}

static void begin_round(rbk_team *team) {
  atomic_fetch_add(&team->round, 1);
  if (atomic_load(&team->sleeping) > 0) {
    pthread_mutex_lock(&team->mutex);
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->mutex);
  }
}

rbk_team *rbk_team_create(int threads) {
  rbk_team *team = calloc(1, sizeof *team);
  if (!team) return NULL;
  team->helpers = calloc((size_t)threads, sizeof *team->helpers);
  pthread_mutex_init(&team->mutex, NULL);
  pthread_cond_init(&team->wake, NULL);
  team->threads = 1;
  for (int member = 1; team->helpers && member < threads; member++) {
    helper_argument *argument = malloc(sizeof *argument);
    if (!argument) break;
    *argument = (helper_argument){team, member};
    if (pthread_create(&team->helpers[member], NULL, help, argument) != 0) {
      free(argument);
      break;
    }
    team->threads++;
  }
  // Fewer helpers than asked would leave members without a thread: refuse.
  if (team->threads != threads) {
    rbk_team_destroy(team);
    return NULL;
  }
  return team;
}

void rbk_team_run(rbk_team *team, void (*work)(void *context, int member), void *context) {
  team->work = work;
  team->context = context;
  atomic_store(&team->working, team->threads - 1);
  begin_round(team);
  work(context, 0);
  // A helper that lost its processor may be long: yield after a while instead of spinning.
  for (int spins = 0; atomic_load_explicit(&team->working, memory_order_acquire) > 0; spins++) {
    if (spins < SPINS) pause_briefly();
    else sched_yield();
  }
}

void rbk_team_destroy(rbk_team *team) {
  atomic_store(&team->ended, true);
  begin_round(team);
  for (int member = 1; member < team->threads; member++)
    pthread_join(team->helpers[member], NULL);
  pthread_mutex_destroy(&team->mutex);
  pthread_cond_destroy(&team->wake);
  free(team->helpers);
  free(team);
}
