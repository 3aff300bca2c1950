//go:build !purego

#include "textflag.h"

// func tileNEON(sums, x, y *float64, stride, fours int)
//
// Two rows of y at a time, by four of x. A register holds two of the four sums of a
// product: V0 and V1 those of x's first row with y's first, V2 and V3 of its second
// row, V4 to V7 with y's second row, V8 to V15 the same of x's other two rows.
TEXT ·tileNEON(SB), NOSPLIT, $0-40
	MOVD sums+0(FP), R0
	MOVD y+16(FP), R2
	MOVD stride+24(FP), R3
	MOVD $2, R5
	ADD  $256, R0, R1

half:
	MOVD x+8(FP), R6
	ADD  R3, R6, R7
	MOVD R2, R8
	MOVD fours+32(FP), R9
	VLD1.P 64(R0), [V0.D2, V1.D2, V2.D2, V3.D2]
	VLD1.P 64(R0), [V4.D2, V5.D2, V6.D2, V7.D2]
	VLD1.P 64(R1), [V8.D2, V9.D2, V10.D2, V11.D2]
	VLD1.P 64(R1), [V12.D2, V13.D2, V14.D2, V15.D2]
	SUB  $128, R0
	SUB  $128, R1

loop:
	VLD1.P 64(R6), [V16.D2, V17.D2, V18.D2, V19.D2]
	VLD1.P 64(R7), [V20.D2, V21.D2, V22.D2, V23.D2]
	VLD1.P 64(R8), [V24.D2, V25.D2, V26.D2, V27.D2]
	VFMLA  V24.D2, V16.D2, V0.D2
	VFMLA  V25.D2, V17.D2, V1.D2
	VFMLA  V24.D2, V18.D2, V2.D2
	VFMLA  V25.D2, V19.D2, V3.D2
	VFMLA  V26.D2, V16.D2, V4.D2
	VFMLA  V27.D2, V17.D2, V5.D2
	VFMLA  V26.D2, V18.D2, V6.D2
	VFMLA  V27.D2, V19.D2, V7.D2
	VFMLA  V24.D2, V20.D2, V8.D2
	VFMLA  V25.D2, V21.D2, V9.D2
	VFMLA  V24.D2, V22.D2, V10.D2
	VFMLA  V25.D2, V23.D2, V11.D2
	VFMLA  V26.D2, V20.D2, V12.D2
	VFMLA  V27.D2, V21.D2, V13.D2
	VFMLA  V26.D2, V22.D2, V14.D2
	VFMLA  V27.D2, V23.D2, V15.D2
	SUBS   $1, R9
	BNE    loop
	VST1.P [V0.D2, V1.D2, V2.D2, V3.D2], 64(R0)
	VST1.P [V4.D2, V5.D2, V6.D2, V7.D2], 64(R0)
	VST1.P [V8.D2, V9.D2, V10.D2, V11.D2], 64(R1)
	VST1.P [V12.D2, V13.D2, V14.D2, V15.D2], 64(R1)
	ADD    R3, R2
	SUBS   $1, R5
	BNE    half
	RET
