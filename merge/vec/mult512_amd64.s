//go:build !purego

#include "textflag.h"

// ROW multiplies one element of a row, at address A, by the panel's row in
// Z24 to Z26.
#define ROW(A, B, S0, S1, S2) \
	VBROADCASTSS A, B;       \
	VFMADD231PS  Z24, B, S0; \
	VFMADD231PS  Z25, B, S1; \
	VFMADD231PS  Z26, B, S2

// STEP goes through element L of eight rows: R8, R9 and R10 are the places of rows
// 0, 3 and 6, R12 is how far rows lie apart.
#define STEP(L) \
	VMOVUPS (L*192)(SI), Z24;                    \
	VMOVUPS (L*192+64)(SI), Z25;                 \
	VMOVUPS (L*192+128)(SI), Z26;                \
	ROW((L*4)(R8), Z27, Z0, Z1, Z2);             \
	ROW((L*4)(R8)(R12*1), Z28, Z3, Z4, Z5);      \
	ROW((L*4)(R8)(R12*2), Z29, Z6, Z7, Z8);      \
	ROW((L*4)(R9), Z30, Z9, Z10, Z11);           \
	ROW((L*4)(R9)(R12*1), Z31, Z12, Z13, Z14);   \
	ROW((L*4)(R9)(R12*2), Z27, Z15, Z16, Z17);   \
	ROW((L*4)(R10), Z28, Z18, Z19, Z20);         \
	ROW((L*4)(R10)(R12*1), Z29, Z21, Z22, Z23)

#define ADD(A, B, C) \
	VADDPS (DI), A, A;    \
	VADDPS 64(DI), B, B;  \
	VADDPS 128(DI), C, C; \
	ADDQ   DX, DI

#define STORE(A, B, C) \
	VMOVUPS A, (DI);    \
	VMOVUPS B, 64(DI);  \
	VMOVUPS C, 128(DI); \
	ADDQ    DX, DI

// func fusedTile512(c *float32, cStride int, a *float32, aStride, k int, panel *float32, add, ahead int)
//
// Z0..Z23 are the sums, eight rows of forty-eight. Rows are fetched into the cache
// some lines before they are needed, and a line of the next panel a turn.
TEXT ·fusedTile512(SB), NOSPLIT, $0-64
	MOVQ   c+0(FP), DI
	MOVQ   cStride+8(FP), DX
	MOVQ   a+16(FP), R8
	MOVQ   aStride+24(FP), R12
	MOVQ   k+32(FP), CX
	MOVQ   panel+40(FP), SI
	MOVQ   add+48(FP), BX
	MOVQ   ahead+56(FP), AX
	LEAQ   (SI)(AX*4), AX
	SHLQ   $2, DX
	SHLQ   $2, R12
	LEAQ   (R12)(R12*2), R13
	LEAQ   (R8)(R13*1), R9
	LEAQ   (R9)(R13*1), R10
	VPXORD Z0, Z0, Z0
	VPXORD Z1, Z1, Z1
	VPXORD Z2, Z2, Z2
	VPXORD Z3, Z3, Z3
	VPXORD Z4, Z4, Z4
	VPXORD Z5, Z5, Z5
	VPXORD Z6, Z6, Z6
	VPXORD Z7, Z7, Z7
	VPXORD Z8, Z8, Z8
	VPXORD Z9, Z9, Z9
	VPXORD Z10, Z10, Z10
	VPXORD Z11, Z11, Z11
	VPXORD Z12, Z12, Z12
	VPXORD Z13, Z13, Z13
	VPXORD Z14, Z14, Z14
	VPXORD Z15, Z15, Z15
	VPXORD Z16, Z16, Z16
	VPXORD Z17, Z17, Z17
	VPXORD Z18, Z18, Z18
	VPXORD Z19, Z19, Z19
	VPXORD Z20, Z20, Z20
	VPXORD Z21, Z21, Z21
	VPXORD Z22, Z22, Z22
	VPXORD Z23, Z23, Z23
	SUBQ   $4, CX
	JLT    rest

loop:
	PREFETCHT0 (AX)
	PREFETCHT0 192(R8)
	PREFETCHT0 192(R8)(R12*1)
	STEP(0)
	PREFETCHT0 192(R8)(R12*2)
	PREFETCHT0 192(R9)
	STEP(1)
	PREFETCHT0 192(R9)(R12*1)
	PREFETCHT0 192(R9)(R12*2)
	STEP(2)
	PREFETCHT0 192(R10)
	PREFETCHT0 192(R10)(R12*1)
	STEP(3)
	ADDQ       $64, AX
	ADDQ       $768, SI
	ADDQ       $16, R8
	ADDQ       $16, R9
	ADDQ       $16, R10
	SUBQ       $4, CX
	JGE        loop

rest:
	ADDQ $4, CX
	JZ   done

single:
	STEP(0)
	ADDQ $192, SI
	ADDQ $4, R8
	ADDQ $4, R9
	ADDQ $4, R10
	DECQ CX
	JNZ  single

done:
	TESTQ BX, BX
	JZ    store
	MOVQ  DI, SI
	ADD(Z0, Z1, Z2)
	ADD(Z3, Z4, Z5)
	ADD(Z6, Z7, Z8)
	ADD(Z9, Z10, Z11)
	ADD(Z12, Z13, Z14)
	ADD(Z15, Z16, Z17)
	ADD(Z18, Z19, Z20)
	ADD(Z21, Z22, Z23)
	MOVQ  SI, DI

store:
	STORE(Z0, Z1, Z2)
	STORE(Z3, Z4, Z5)
	STORE(Z6, Z7, Z8)
	STORE(Z9, Z10, Z11)
	STORE(Z12, Z13, Z14)
	STORE(Z15, Z16, Z17)
	STORE(Z18, Z19, Z20)
	STORE(Z21, Z22, Z23)
	VZEROUPPER
	RET
