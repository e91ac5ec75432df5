/*
 * model_name.h: what a new model may be called.
 */
#ifndef LESIONSEG_PG_MODELS_NAMES_MODEL_NAME_H
#define LESIONSEG_PG_MODELS_NAMES_MODEL_NAME_H

/* Raise an error unless a new model of an architecture may have a name: 42602 where it is no name, or would look like
 * another one, 42939 where it is reserved. */
void		model_name_check(const char *name, const char *architecture);

#endif
