/*
 * architectures.h: what each architecture's file offers to the registry.
 */
#ifndef LESIONSEG_ARCH_ARCHITECTURES_H
#define LESIONSEG_ARCH_ARCHITECTURES_H

#include "arch/arch.h"
#include "arch/runner.h"

extern const Architecture unet_architecture;
extern const Architecture linknet_architecture;
extern const Architecture convmixer_architecture;
extern const Architecture maskrcnn_architecture;

#endif
