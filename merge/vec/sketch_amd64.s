//go:build !purego

#include "textflag.h"

// Lane numbers, and the bit of a byte of signs that is each lane's.
DATA sketchLanes<>+0(SB)/4, $0
DATA sketchLanes<>+4(SB)/4, $1
DATA sketchLanes<>+8(SB)/4, $2
DATA sketchLanes<>+12(SB)/4, $3
DATA sketchLanes<>+16(SB)/4, $4
DATA sketchLanes<>+20(SB)/4, $5
DATA sketchLanes<>+24(SB)/4, $6
DATA sketchLanes<>+28(SB)/4, $7
GLOBL sketchLanes<>(SB), RODATA|NOPTR, $32

DATA sketchLeft<>+0(SB)/4, $31
DATA sketchLeft<>+4(SB)/4, $30
DATA sketchLeft<>+8(SB)/4, $29
DATA sketchLeft<>+12(SB)/4, $28
DATA sketchLeft<>+16(SB)/4, $27
DATA sketchLeft<>+20(SB)/4, $26
DATA sketchLeft<>+24(SB)/4, $25
DATA sketchLeft<>+28(SB)/4, $24
GLOBL sketchLeft<>(SB), RODATA|NOPTR, $32

// func sketchAVX2(sums, squares *float64, x *float32, eights, turn int, signs *uint64)
//
// Eight elements go into eight buckets in a row: turn's upper bits say which, and
// its lower three bits how the lanes change places.
TEXT ·sketchAVX2(SB), NOSPLIT, $0-48
	MOVQ sums+0(FP), DI
	MOVQ squares+8(FP), R10
	MOVQ x+16(FP), SI
	MOVQ eights+24(FP), CX
	MOVQ turn+32(FP), DX
	MOVQ signs+40(FP), R8

	VMOVUPD (R10), Y7
	VMOVUPD 32(R10), Y8

	MOVQ         DX, AX
	ANDQ         $7, AX
	MOVQ         AX, X0
	VPBROADCASTD X0, Y0
	VPXOR        sketchLanes<>(SB), Y0, Y0 // where each lane comes from
	VMOVDQU      sketchLeft<>(SB), Y1
	VPCMPEQD     Y2, Y2, Y2
	VPSLLD       $31, Y2, Y2               // the signs' bits

	SHRQ $3, DX // which eight buckets, to be XORed
	XORQ R9, R9 // the number of the eight

loop:
	VPBROADCASTB (R8)(R9*1), Y3
	VPSLLVD      Y1, Y3, Y3 // bit i to the top of lane i
	VPAND        Y2, Y3, Y3
	VXORPS       (SI), Y3, Y3
	VPERMPS      Y3, Y0, Y3
	MOVQ         R9, AX
	XORQ         DX, AX
	SHLQ         $6, AX
	VEXTRACTF128 $1, Y3, X4
	VCVTPS2PD    X3, Y5
	VCVTPS2PD    X4, Y6
	VFMADD231PD  Y5, Y5, Y7 // exact squares: fused or not is the same
	VFMADD231PD  Y6, Y6, Y8
	VADDPD       (DI)(AX*1), Y5, Y5
	VADDPD       32(DI)(AX*1), Y6, Y6
	VMOVUPD      Y5, (DI)(AX*1)
	VMOVUPD      Y6, 32(DI)(AX*1)
	ADDQ         $32, SI
	INCQ         R9
	CMPQ         R9, CX
	JB           loop
	VMOVUPD      Y7, (R10)
	VMOVUPD      Y8, 32(R10)
	VZEROUPPER
	RET
