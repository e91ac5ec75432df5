/*
 * architectures.h: what each architecture's file offers to the registry.
 */
#ifndef LESIONSEG_ARCH_ARCHITECTURES_H
#define LESIONSEG_ARCH_ARCHITECTURES_H

#include "arch/arch.h"

extern const Architecture unet_architecture;
extern const Architecture linknet_architecture;
extern const Architecture convmixer_architecture;

#endif
