/*
 * own_norms.h: batch norms that a hospital keeps to itself.
 *
 * Images of different hospitals differ in light and colour, and so do the means
 * and variances that batch norms see. Each hospital may keep its own while all
 * else is shared: the running statistics (SiloBN: Andreux et al., "Siloed
 * federated learning for multi-centric histopathology datasets", 2020), or scale
 * and shift, too (FedBN: Li et al., ICLR 2021).
 */
#ifndef LESIONSEG_LEARN_OWN_NORMS_H
#define LESIONSEG_LEARN_OWN_NORMS_H

#include <stdbool.h>

#include "arch/network.h"

/* Is it a running statistic? Training counts those, no gradient changes them. */
bool		is_running_statistic(const GraphParam *param);

/* Copy running means and variances from a network to another of the same
 * architecture and config; with scales, scales and shifts, too. */
void		own_norms_copy(const Network *from, Network *to, bool scales);

#endif
