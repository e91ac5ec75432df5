/*
 * train_images.h: the images of a training run, read from its table.
 */
#ifndef LESIONSEG_PG_TRAIN_TRAIN_IMAGES_H
#define LESIONSEG_PG_TRAIN_TRAIN_IMAGES_H

#include "postgres.h"

#include "pg/train/train_state.h"

/*
 * Read all rows of run->source once: into run->training and run->validation,
 * or checked and left to be scored at the end. Sets run->counts and
 * run->data_sha256. Raises an error before the first row where the network
 * would need more memory than it may have, and where nothing is left to train
 * on.
 */
void		train_images_read(TrainRun *run);

#endif
