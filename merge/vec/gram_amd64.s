//go:build !purego

#include "textflag.h"

// func spreadAVX2(to *float64, x *float32, fours int)
TEXT ·spreadAVX2(SB), NOSPLIT, $0-24
	MOVQ to+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ fours+16(FP), CX

loop:
	VCVTPS2PD (SI), Y0
	VCVTPS2PD 16(SI), Y1
	VMOVUPD   Y0, (DI)
	VMOVUPD   Y1, 64(DI)
	ADDQ      $32, SI
	ADDQ      $128, DI
	SUBQ      $2, CX
	JNZ       loop
	VZEROUPPER
	RET

// func spreadLessAVX2(to *float64, x, base *float32, fours int)
TEXT ·spreadLessAVX2(SB), NOSPLIT, $0-32
	MOVQ to+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ base+16(FP), DX
	MOVQ fours+24(FP), CX

loop:
	VMOVUPS   (SI), X0
	VMOVUPS   16(SI), X1
	VSUBPS    (DX), X0, X0
	VSUBPS    16(DX), X1, X1
	VCVTPS2PD X0, Y0
	VCVTPS2PD X1, Y1
	VMOVUPD   Y0, (DI)
	VMOVUPD   Y1, 64(DI)
	ADDQ      $32, SI
	ADDQ      $32, DX
	ADDQ      $128, DI
	SUBQ      $2, CX
	JNZ       loop
	VZEROUPPER
	RET

// func tileAVX512(sums, x, y *float64, stride, fours int)
//
// A register holds four numbers of each of two rows of x, or the same four of a
// row of y twice, and so the four sums of two products.
TEXT ·tileAVX512(SB), NOSPLIT, $0-40
	MOVQ    sums+0(FP), DX
	MOVQ    x+8(FP), SI
	MOVQ    y+16(FP), DI
	MOVQ    stride+24(FP), R8
	MOVQ    fours+32(FP), CX
	VMOVUPD (DX), Z0
	VMOVUPD 64(DX), Z1
	VMOVUPD 128(DX), Z2
	VMOVUPD 192(DX), Z3
	VMOVUPD 256(DX), Z4
	VMOVUPD 320(DX), Z5
	VMOVUPD 384(DX), Z6
	VMOVUPD 448(DX), Z7

loop:
	VMOVUPD         (SI), Z8
	VMOVUPD         (SI)(R8*1), Z9
	VBROADCASTF64X4 (DI), Z10
	VBROADCASTF64X4 32(DI), Z11
	VBROADCASTF64X4 (DI)(R8*1), Z12
	VBROADCASTF64X4 32(DI)(R8*1), Z13
	VFMADD231PD     Z8, Z10, Z0
	VFMADD231PD     Z8, Z11, Z1
	VFMADD231PD     Z8, Z12, Z2
	VFMADD231PD     Z8, Z13, Z3
	VFMADD231PD     Z9, Z10, Z4
	VFMADD231PD     Z9, Z11, Z5
	VFMADD231PD     Z9, Z12, Z6
	VFMADD231PD     Z9, Z13, Z7
	ADDQ            $64, SI
	ADDQ            $64, DI
	DECQ            CX
	JNZ             loop
	VMOVUPD         Z0, (DX)
	VMOVUPD         Z1, 64(DX)
	VMOVUPD         Z2, 128(DX)
	VMOVUPD         Z3, 192(DX)
	VMOVUPD         Z4, 256(DX)
	VMOVUPD         Z5, 320(DX)
	VMOVUPD         Z6, 384(DX)
	VMOVUPD         Z7, 448(DX)
	VZEROUPPER
	RET

// func tileAVX2(sums, x, y *float64, stride, fours int)
//
// Two rows of y at a time: there are registers for eight products.
TEXT ·tileAVX2(SB), NOSPLIT, $0-40
	MOVQ sums+0(FP), DX
	MOVQ y+16(FP), R9
	MOVQ stride+24(FP), R8
	MOVQ $2, R10

half:
	MOVQ    x+8(FP), SI
	MOVQ    R9, DI
	MOVQ    fours+32(FP), CX
	VMOVUPD (DX), Y0
	VMOVUPD 32(DX), Y1
	VMOVUPD 64(DX), Y2
	VMOVUPD 96(DX), Y3
	VMOVUPD 256(DX), Y4
	VMOVUPD 288(DX), Y5
	VMOVUPD 320(DX), Y6
	VMOVUPD 352(DX), Y7

loop:
	VMOVUPD     (DI), Y8
	VMOVUPD     32(DI), Y9
	VMOVUPD     (SI), Y10
	VMOVUPD     32(SI), Y11
	VMOVUPD     (SI)(R8*1), Y12
	VMOVUPD     32(SI)(R8*1), Y13
	VFMADD231PD Y8, Y10, Y0
	VFMADD231PD Y8, Y11, Y1
	VFMADD231PD Y9, Y10, Y2
	VFMADD231PD Y9, Y11, Y3
	VFMADD231PD Y8, Y12, Y4
	VFMADD231PD Y8, Y13, Y5
	VFMADD231PD Y9, Y12, Y6
	VFMADD231PD Y9, Y13, Y7
	ADDQ        $64, SI
	ADDQ        $64, DI
	DECQ        CX
	JNZ         loop
	VMOVUPD     Y0, (DX)
	VMOVUPD     Y1, 32(DX)
	VMOVUPD     Y2, 64(DX)
	VMOVUPD     Y3, 96(DX)
	VMOVUPD     Y4, 256(DX)
	VMOVUPD     Y5, 288(DX)
	VMOVUPD     Y6, 320(DX)
	VMOVUPD     Y7, 352(DX)
	ADDQ        $128, DX
	ADDQ        R8, R9
	DECQ        R10
	JNZ         half
	VZEROUPPER
	RET

// func spreadF16AVX2(to *float64, stored *byte, base *float32, fours int)
TEXT ·spreadF16AVX2(SB), NOSPLIT, $0-32
	MOVQ to+0(FP), DI
	MOVQ stored+8(FP), SI
	MOVQ base+16(FP), DX
	MOVQ fours+24(FP), CX

loop:
	VCVTPH2PS    (SI), Y0
	VSUBPS       (DX), Y0, Y0
	VEXTRACTF128 $1, Y0, X1
	VCVTPS2PD    X0, Y0
	VCVTPS2PD    X1, Y1
	VMOVUPD      Y0, (DI)
	VMOVUPD      Y1, 64(DI)
	ADDQ         $16, SI
	ADDQ         $32, DX
	ADDQ         $128, DI
	SUBQ         $2, CX
	JNZ          loop
	VZEROUPPER
	RET

// func cornerAVX512(first, both, second, x *float64, stride, fours int)
//
// Registers as in tileAVX512: Z0 to Z5 are the sums of the first four rows with each
// other, Z6 to Z13 theirs with the second four, Z14 to Z19 those of the second with
// each other; Z20 to Z23 the rows, two a register.
TEXT ·cornerAVX512(SB), NOSPLIT, $0-48
	MOVQ first+0(FP), AX
	MOVQ both+8(FP), BX
	MOVQ second+16(FP), DX
	MOVQ x+24(FP), SI
	MOVQ stride+32(FP), R8
	MOVQ fours+40(FP), CX
	LEAQ (SI)(R8*2), DI
	VMOVUPD (AX), Z0
	VMOVUPD 64(AX), Z1
	VMOVUPD 128(AX), Z2
	VMOVUPD 192(AX), Z3
	VMOVUPD 384(AX), Z4
	VMOVUPD 448(AX), Z5
	VMOVUPD (BX), Z6
	VMOVUPD 64(BX), Z7
	VMOVUPD 128(BX), Z8
	VMOVUPD 192(BX), Z9
	VMOVUPD 256(BX), Z10
	VMOVUPD 320(BX), Z11
	VMOVUPD 384(BX), Z12
	VMOVUPD 448(BX), Z13
	VMOVUPD (DX), Z14
	VMOVUPD 64(DX), Z15
	VMOVUPD 128(DX), Z16
	VMOVUPD 192(DX), Z17
	VMOVUPD 384(DX), Z18
	VMOVUPD 448(DX), Z19

loop:
	VMOVUPD         (SI), Z20
	VMOVUPD         (SI)(R8*1), Z21
	VMOVUPD         (DI), Z22
	VMOVUPD         (DI)(R8*1), Z23
	VBROADCASTF64X4 (SI), Z24
	VBROADCASTF64X4 32(SI), Z25
	VBROADCASTF64X4 (SI)(R8*1), Z26
	VBROADCASTF64X4 32(SI)(R8*1), Z27
	VFMADD231PD     Z20, Z24, Z0
	VFMADD231PD     Z20, Z25, Z1
	VFMADD231PD     Z20, Z26, Z2
	VFMADD231PD     Z20, Z27, Z3
	VFMADD231PD     Z21, Z26, Z4
	VFMADD231PD     Z21, Z27, Z5
	VBROADCASTF64X4 (DI), Z28
	VBROADCASTF64X4 32(DI), Z29
	VBROADCASTF64X4 (DI)(R8*1), Z30
	VBROADCASTF64X4 32(DI)(R8*1), Z31
	VFMADD231PD     Z20, Z28, Z6
	VFMADD231PD     Z20, Z29, Z7
	VFMADD231PD     Z20, Z30, Z8
	VFMADD231PD     Z20, Z31, Z9
	VFMADD231PD     Z21, Z28, Z10
	VFMADD231PD     Z21, Z29, Z11
	VFMADD231PD     Z21, Z30, Z12
	VFMADD231PD     Z21, Z31, Z13
	VFMADD231PD     Z22, Z28, Z14
	VFMADD231PD     Z22, Z29, Z15
	VFMADD231PD     Z22, Z30, Z16
	VFMADD231PD     Z22, Z31, Z17
	VFMADD231PD     Z23, Z30, Z18
	VFMADD231PD     Z23, Z31, Z19
	ADDQ            $64, SI
	ADDQ            $64, DI
	DECQ            CX
	JNZ             loop
	VMOVUPD Z0, (AX)
	VMOVUPD Z1, 64(AX)
	VMOVUPD Z2, 128(AX)
	VMOVUPD Z3, 192(AX)
	VMOVUPD Z4, 384(AX)
	VMOVUPD Z5, 448(AX)
	VMOVUPD Z6, (BX)
	VMOVUPD Z7, 64(BX)
	VMOVUPD Z8, 128(BX)
	VMOVUPD Z9, 192(BX)
	VMOVUPD Z10, 256(BX)
	VMOVUPD Z11, 320(BX)
	VMOVUPD Z12, 384(BX)
	VMOVUPD Z13, 448(BX)
	VMOVUPD Z14, (DX)
	VMOVUPD Z15, 64(DX)
	VMOVUPD Z16, 128(DX)
	VMOVUPD Z17, 192(DX)
	VMOVUPD Z18, 384(DX)
	VMOVUPD Z19, 448(DX)
	VZEROUPPER
	RET
