//go:build !purego

#include "textflag.h"

// The words of MT19937, each a 32-bit number.
#define UPPER    0
#define MATRIX   4
#define MASKB    8
#define MASKC    12
#define MASK24   16
#define ONE      20
#define TWO24    24
#define MANTISSA 28
#define HALF     32
#define SQRTHALF 36
#define BIAS     40
#define MINUS2   44
#define L0       48
#define L1       52
#define L2       56
#define L3       60
#define L4       64
#define L5       68
#define L6       72
#define L7       76
#define L8       80
#define LN2LOW   84
#define LN2HIGH  88
#define TWOPI    92
#define FOUROVERPI 96
#define IONE     100
#define NOTONE   104
#define PI4A     108
#define PI4B     112
#define PI4C     116
#define C0       120
#define C1       124
#define C2       128
#define S0       132
#define S1       136
#define S2       140
#define ITWO     144

DATA k<>+UPPER(SB)/4, $0x80000000
DATA k<>+MATRIX(SB)/4, $0x9908b0df
DATA k<>+MASKB(SB)/4, $0x9d2c5680
DATA k<>+MASKC(SB)/4, $0xefc60000
DATA k<>+MASK24(SB)/4, $0x00ffffff
DATA k<>+ONE(SB)/4, $0x3f800000
DATA k<>+TWO24(SB)/4, $0x33800000
DATA k<>+MANTISSA(SB)/4, $0x007fffff
DATA k<>+HALF(SB)/4, $0x3f000000
DATA k<>+SQRTHALF(SB)/4, $0x3f3504f3
DATA k<>+BIAS(SB)/4, $126
DATA k<>+MINUS2(SB)/4, $0xc0000000
DATA k<>+L0(SB)/4, $0x3d9021bb
DATA k<>+L1(SB)/4, $0xbdebd1b8
DATA k<>+L2(SB)/4, $0x3def251a
DATA k<>+L3(SB)/4, $0xbdfe5d4f
DATA k<>+L4(SB)/4, $0x3e11e9bf
DATA k<>+L5(SB)/4, $0xbe2aae50
DATA k<>+L6(SB)/4, $0x3e4cceac
DATA k<>+L7(SB)/4, $0xbe7ffffc
DATA k<>+L8(SB)/4, $0x3eaaaaaa
DATA k<>+LN2LOW(SB)/4, $0xb95e8083
DATA k<>+LN2HIGH(SB)/4, $0x3f318000
DATA k<>+TWOPI(SB)/4, $0x40c90fdb
DATA k<>+FOUROVERPI(SB)/4, $0x3fa2f983
DATA k<>+IONE(SB)/4, $1
DATA k<>+NOTONE(SB)/4, $0xfffffffe
DATA k<>+PI4A(SB)/4, $0xbf490000
DATA k<>+PI4B(SB)/4, $0xb97da000
DATA k<>+PI4C(SB)/4, $0xb3222169
DATA k<>+C0(SB)/4, $0x37ccf5ce
DATA k<>+C1(SB)/4, $0xbab6061a
DATA k<>+C2(SB)/4, $0x3d2aaaa5
DATA k<>+S0(SB)/4, $0xb94ca1f9
DATA k<>+S1(SB)/4, $0x3c08839e
DATA k<>+S2(SB)/4, $0xbe2aaaa3
DATA k<>+ITWO(SB)/4, $2
GLOBL k<>(SB), RODATA|NOPTR, $148

#define K(NAME, R) VBROADCASTSS k<>+NAME(SB), R

// TEMPER turns words of the state in R into numbers of [0, 1).
#define TEMPER(R, T) \
	VPSRLD    $11, R, T;    \
	VPXOR     T, R, R;      \
	VPSLLD    $7, R, T;     \
	VPAND     Y12, T, T;    \
	VPXOR     T, R, R;      \
	VPSLLD    $15, R, T;    \
	VPAND     Y13, T, T;    \
	VPXOR     T, R, R;      \
	VPSRLD    $18, R, T;    \
	VPXOR     T, R, R;      \
	VPAND     Y14, R, R;    \
	VCVTDQ2PS R, R;         \
	VMULPS    Y15, R, R

// NEXT is a step of a polynomial in X: R = R X + coefficient.
#define NEXT(NAME, X, R) \
	K(NAME, Y9);         \
	VFMADD213PS Y9, X, R

// func normalsAVX2(dst *float32, state *uint32, groups int)
//
// Eight pairs a turn. The comments name the variables of normalsGo, logf and
// sincosf.
TEXT ·normalsAVX2(SB), NOSPLIT, $0-24
	MOVQ   dst+0(FP), DI
	MOVQ   state+8(FP), SI
	MOVQ   groups+16(FP), CX
	K(MASKB, Y12)
	K(MASKC, Y13)
	K(MASK24, Y14)
	K(TWO24, Y15)
	K(ONE, Y11)
	K(HALF, Y10)

loop:
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	TEMPER(Y0, Y2)
	TEMPER(Y1, Y2)

	// logf(1 - Y0): the exponent e into Y3, the fraction x into Y2.
	VSUBPS    Y0, Y11, Y2
	VPSRLD    $23, Y2, Y3
	K(BIAS, Y9)
	VPSUBD    Y9, Y3, Y3
	VCVTDQ2PS Y3, Y3
	K(MANTISSA, Y9)
	VPAND     Y9, Y2, Y2
	VPOR      Y10, Y2, Y2
	K(SQRTHALF, Y9)
	VCMPPS    $1, Y9, Y2, Y4 // less
	VPAND     Y2, Y4, Y5
	VPAND     Y11, Y4, Y6
	VSUBPS    Y6, Y3, Y3
	VSUBPS    Y11, Y2, Y2
	VADDPS    Y5, Y2, Y2
	VMULPS    Y2, Y2, Y5 // z
	K(L0, Y6)            // y
	NEXT(L1, Y2, Y6)
	NEXT(L2, Y2, Y6)
	NEXT(L3, Y2, Y6)
	NEXT(L4, Y2, Y6)
	NEXT(L5, Y2, Y6)
	NEXT(L6, Y2, Y6)
	NEXT(L7, Y2, Y6)
	NEXT(L8, Y2, Y6)
	VMULPS      Y2, Y6, Y6
	K(LN2LOW, Y9)
	VMULPS      Y9, Y3, Y7
	VFMADD213PS Y7, Y5, Y6
	VMULPS      Y10, Y5, Y7
	VSUBPS      Y7, Y6, Y6
	VADDPS      Y6, Y2, Y2
	K(LN2HIGH, Y9)
	VFMADD213PS Y2, Y9, Y3
	K(MINUS2, Y9)
	VMULPS      Y9, Y3, Y3
	VSQRTPS     Y3, Y0 // the radius

	// sincosf(2 pi Y1): j into Y2.
	K(TWOPI, Y9)
	VMULPS      Y9, Y1, Y1
	K(FOUROVERPI, Y9)
	VMULPS      Y9, Y1, Y2
	VCVTTPS2DQ  Y2, Y2
	K(IONE, Y9)
	VPADDD      Y9, Y2, Y2
	K(NOTONE, Y9)
	VPAND       Y9, Y2, Y2
	VCVTDQ2PS   Y2, Y3 // y
	K(PI4A, Y9)
	VFMADD231PS Y9, Y3, Y1
	K(PI4B, Y9)
	VFMADD231PS Y9, Y3, Y1
	K(PI4C, Y9)
	VFMADD231PS Y9, Y3, Y1
	VMULPS      Y1, Y1, Y4 // z
	K(C0, Y5)              // c
	NEXT(C1, Y4, Y5)
	NEXT(C2, Y4, Y5)
	VMULPS      Y4, Y5, Y5
	VMULPS      Y10, Y4, Y6
	VFMSUB213PS Y6, Y4, Y5
	VADDPS      Y11, Y5, Y5
	K(S0, Y6)              // s
	NEXT(S1, Y4, Y6)
	NEXT(S2, Y4, Y6)
	VMULPS      Y4, Y6, Y6
	VFMADD213PS Y1, Y1, Y6
	VPSLLD      $30, Y2, Y7 // j&2
	VBLENDVPS   Y7, Y5, Y6, Y1 // sin
	VBLENDVPS   Y7, Y6, Y5, Y3 // cos
	K(UPPER, Y8)
	VPSLLD      $29, Y2, Y7 // j&4
	VPAND       Y8, Y7, Y7
	VPXOR       Y7, Y1, Y1
	K(ITWO, Y9)
	VPSUBD      Y9, Y2, Y2 // (j-2)&4 == 0
	VPSLLD      $29, Y2, Y2
	VPANDN      Y8, Y2, Y2
	VPXOR       Y2, Y3, Y3

	VPXOR   Y9, Y9, Y9
	VMULPS  Y0, Y3, Y3
	VADDPS  Y9, Y3, Y3
	VMULPS  Y0, Y1, Y1
	VADDPS  Y9, Y1, Y1
	VMOVUPS Y3, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ    $64, SI
	ADDQ    $64, DI
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET

// func twistAVX2(state, far *uint32, n int)
TEXT ·twistAVX2(SB), NOSPLIT, $0-24
	MOVQ state+0(FP), DI
	MOVQ far+8(FP), SI
	MOVQ n+16(FP), CX
	K(UPPER, Y8)
	K(MATRIX, Y9)

loop:
	VMOVDQU (DI), Y0
	VMOVDQU 4(DI), Y1
	VPAND   Y8, Y0, Y0
	VPANDN  Y1, Y8, Y2
	VPOR    Y2, Y0, Y0
	VPSRLD  $1, Y0, Y0
	VPSLLD  $31, Y1, Y1
	VPSRAD  $31, Y1, Y1
	VPAND   Y9, Y1, Y1
	VPXOR   Y1, Y0, Y0
	VPXOR   (SI), Y0, Y0
	VMOVDQU Y0, (DI)
	ADDQ    $32, DI
	ADDQ    $32, SI
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET
