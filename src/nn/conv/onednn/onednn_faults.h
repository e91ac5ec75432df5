/*
 * onednn_faults.h: what oneDNN must not be asked for.
 *
 * Everything that is known to crash the library, to make it write where it
 * must not or to keep it busy for minutes stands here and nowhere else
 * (version 2.6; nothing is known of 3.x, which is treated alike). The onednn
 * backend hands such work to the openblas backend; where one of our own
 * kernels takes it anyway, nothing needs to be handed on.
 */
#ifndef LESIONSEG_NN_ONEDNN_FAULTS_H
#define LESIONSEG_NN_ONEDNN_FAULTS_H

#include "nn/conv/convolution.h"

/* Can the library be used on this CPU (or at this ONEDNN_MAX_CPU_ISA) at all? */
bool		onednn_usable(void);

/* Is a pass of a convolution safe with it? */
bool		onednn_safe(const ConvolutionShape *shape, DataType type, ConvolutionPass pass);

#endif
