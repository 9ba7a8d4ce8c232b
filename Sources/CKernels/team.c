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
  // The section's number in the upper half, the next member that nobody has taken in the lower:
  // whoever has a processor takes members, so that a helper that has lost its own delays nobody.
  atomic_ullong ticket;
  atomic_int working;   // members that are not finished
  atomic_int sleeping;  // helpers waiting on `wake`
  atomic_bool ended;
  pthread_mutex_t mutex;
  pthread_cond_t wake;
};

static inline void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

static unsigned long long section_of(unsigned long long ticket) { return ticket >> 32; }

/// Takes members of a section and does their work until none is left.
static void work_on(rbk_team *team, unsigned long long section) {
  unsigned long long ticket = atomic_load(&team->ticket);
  for (;;) {
    const int member = (int)(ticket & 0xFFFFFFFF);
    // A section that is over, or one whose members are all taken.
    if (section_of(ticket) != section || member >= team->threads) return;
    if (!atomic_compare_exchange_weak(&team->ticket, &ticket, ticket + 1)) continue;
    // The section cannot end before this member is finished, so what it is to do stands.
    team->work(team->context, member);
    atomic_fetch_sub_explicit(&team->working, 1, memory_order_release);
    ticket = atomic_load(&team->ticket);
  }
}

static void *help(void *argument) {
  rbk_team *team = argument;
  unsigned long long seen = 0;
  for (;;) {
    int spins = 0;
    unsigned long long section;
    while ((section = section_of(atomic_load(&team->ticket))) == seen) {
      if (++spins < SPINS) {
        pause_briefly();
        continue;
      }
      pthread_mutex_lock(&team->mutex);
      atomic_fetch_add(&team->sleeping, 1);
      while (section_of(atomic_load(&team->ticket)) == seen)
        pthread_cond_wait(&team->wake, &team->mutex);
      atomic_fetch_sub(&team->sleeping, 1);
      pthread_mutex_unlock(&team->mutex);
    }
    seen = section;
    if (atomic_load(&team->ended)) return NULL;
    work_on(team, section);
  }
}

/// Begins the next section and returns its number.
static unsigned long long begin_section(rbk_team *team) {
  const unsigned long long section =
      (section_of(atomic_load(&team->ticket)) + 1) & 0xFFFFFFFF;
  atomic_store(&team->ticket, section << 32);
  if (atomic_load(&team->sleeping) > 0) {
    pthread_mutex_lock(&team->mutex);
    pthread_cond_broadcast(&team->wake);
    pthread_mutex_unlock(&team->mutex);
  }
  return section;
}

rbk_team *rbk_team_create(int threads) {
  rbk_team *team = calloc(1, sizeof *team);
  if (!team) return NULL;
  team->helpers = calloc((size_t)threads, sizeof *team->helpers);
  pthread_mutex_init(&team->mutex, NULL);
  pthread_cond_init(&team->wake, NULL);
  team->threads = 1;
  for (int member = 1; team->helpers && member < threads; member++) {
    if (pthread_create(&team->helpers[member], NULL, help, team) != 0) break;
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
  atomic_store(&team->working, team->threads);
  work_on(team, begin_section(team));
  // Only members that a helper has begun are waited for. One that has lost its processor meanwhile
  // may be long: yield after a while instead of spinning.
  for (int spins = 0; atomic_load_explicit(&team->working, memory_order_acquire) > 0; spins++) {
    if (spins < SPINS) pause_briefly();
    else sched_yield();
  }
}

void rbk_team_destroy(rbk_team *team) {
  atomic_store(&team->ended, true);
  begin_section(team);
  for (int member = 1; member < team->threads; member++)
    pthread_join(team->helpers[member], NULL);
  pthread_mutex_destroy(&team->mutex);
  pthread_cond_destroy(&team->wake);
  free(team->helpers);
  free(team);
}
