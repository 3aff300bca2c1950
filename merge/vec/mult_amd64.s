//go:build !purego

#include "textflag.h"

// ROW multiplies one element of a row, at address A, by the panel's row in Y12
// and Y13.
#define ROW(A, B, S0, S1) \
	VBROADCASTSS A, B;       \
	VFMADD231PS  Y12, B, S0; \
	VFMADD231PS  Y13, B, S1

// ROUNDED is ROW with the panel's row in Y8 and Y9, the products rounded before
// they are added.
#define ROUNDED(A, B, P0, P1, S0, S1) \
	VBROADCASTSS A, B;      \
	VMULPS       Y8, B, P0; \
	VMULPS       Y9, B, P1; \
	VADDPS       P0, S0, S0; \
	VADDPS       P1, S1, S1

#define ADD(A, B) \
	VADDPS (DI), A, A;   \
	VADDPS 32(DI), B, B; \
	ADDQ   DX, DI

#define STORE(A, B) \
	VMOVUPS A, (DI);   \
	VMOVUPS B, 32(DI); \
	ADDQ    DX, DI

#define ARGUMENTS \
	MOVQ c+0(FP), DI;           \
	MOVQ cStride+8(FP), DX;     \
	MOVQ a+16(FP), R8;          \
	MOVQ aStride+24(FP), R12;   \
	MOVQ k+32(FP), CX;          \
	MOVQ panel+40(FP), SI;      \
	SHLQ $2, DX;                \
	SHLQ $2, R12;               \
	LEAQ (R12)(R12*2), R13;     \
	LEAQ (R8)(R13*1), R9

#define CLEAR \
	VXORPS Y0, Y0, Y0; \
	VXORPS Y1, Y1, Y1; \
	VXORPS Y2, Y2, Y2; \
	VXORPS Y3, Y3, Y3; \
	VXORPS Y4, Y4, Y4; \
	VXORPS Y5, Y5, Y5; \
	VXORPS Y6, Y6, Y6; \
	VXORPS Y7, Y7, Y7

// func inOrderTile(c *float32, cStride int, a *float32, aStride, k int, panel *float32, add, ahead int)
//
// Y0..Y7 are the sums, four rows of sixteen; Y8 and Y9 a row of the panel. Such a
// sum is never in parts: add is 0.
TEXT ·inOrderTile(SB), NOSPLIT, $0-64
	ARGUMENTS
	CLEAR

loop:
	VMOVUPS (SI), Y8
	VMOVUPS 32(SI), Y9
	ROUNDED((R8), Y10, Y11, Y12, Y0, Y1)
	ROUNDED((R8)(R12*1), Y13, Y14, Y15, Y2, Y3)
	ROUNDED((R8)(R12*2), Y10, Y11, Y12, Y4, Y5)
	ROUNDED((R9), Y13, Y14, Y15, Y6, Y7)
	ADDQ    $64, SI
	ADDQ    $4, R8
	ADDQ    $4, R9
	DECQ    CX
	JNZ     loop

	STORE(Y0, Y1)
	STORE(Y2, Y3)
	STORE(Y4, Y5)
	STORE(Y6, Y7)
	VZEROUPPER
	RET

// func fusedTile(c *float32, cStride int, a *float32, aStride, k int, panel *float32, add, ahead int)
//
// Y0..Y11 are the sums, six rows of sixteen; Y12 and Y13 a row of the panel.
TEXT ·fusedTile(SB), NOSPLIT, $0-64
	ARGUMENTS
	CLEAR
	VXORPS Y8, Y8, Y8
	VXORPS Y9, Y9, Y9
	VXORPS Y10, Y10, Y10
	VXORPS Y11, Y11, Y11

loop:
	VMOVUPS (SI), Y12
	VMOVUPS 32(SI), Y13
	ROW((R8), Y14, Y0, Y1)
	ROW((R8)(R12*1), Y15, Y2, Y3)
	ROW((R8)(R12*2), Y14, Y4, Y5)
	ROW((R9), Y15, Y6, Y7)
	ROW((R9)(R12*1), Y14, Y8, Y9)
	ROW((R9)(R12*2), Y15, Y10, Y11)
	ADDQ    $64, SI
	ADDQ    $4, R8
	ADDQ    $4, R9
	DECQ    CX
	JNZ     loop

	MOVQ  add+48(FP), BX
	TESTQ BX, BX
	JZ    store
	MOVQ  DI, SI
	ADD(Y0, Y1)
	ADD(Y2, Y3)
	ADD(Y4, Y5)
	ADD(Y6, Y7)
	ADD(Y8, Y9)
	ADD(Y10, Y11)
	MOVQ  SI, DI

store:
	STORE(Y0, Y1)
	STORE(Y2, Y3)
	STORE(Y4, Y5)
	STORE(Y6, Y7)
	STORE(Y8, Y9)
	STORE(Y10, Y11)
	VZEROUPPER
	RET
