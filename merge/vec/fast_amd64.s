//go:build !purego

#include "textflag.h"

// func widenF16AVX2(dst *float32, src *byte, eights int)
TEXT ·widenF16AVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ eights+16(FP), CX

loop:
	VCVTPH2PS (SI), Y0
	VMOVUPS   Y0, (DI)
	ADDQ      $16, SI
	ADDQ      $32, DI
	DECQ      CX
	JNZ       loop
	VZEROUPPER
	RET

// func infiniteAVX2(x *float32, eights int) int
//
// Y0 counts, a 32-bit number for each of eight places. Adding one to an exponent
// of all ones carries into the sign.
TEXT ·infiniteAVX2(SB), NOSPLIT, $0-24
	MOVQ     x+0(FP), SI
	MOVQ     eights+8(FP), CX
	VPXOR    Y0, Y0, Y0
	VPCMPEQD Y1, Y1, Y1
	VPSRLD   $31, Y1, Y2
	VPSLLD   $23, Y2, Y2 // one to the exponent
	VPSRLD   $1, Y1, Y1  // all but the sign

loop:
	VPAND  (SI), Y1, Y3
	VPADDD Y2, Y3, Y3
	VPSRLD $31, Y3, Y3
	VPADDD Y3, Y0, Y0
	ADDQ   $32, SI
	DECQ   CX
	JNZ    loop

	VEXTRACTI128 $1, Y0, X1
	VPADDD       X1, X0, X0
	VPHADDD      X0, X0, X0
	VPHADDD      X0, X0, X0
	VMOVD        X0, AX
	VZEROUPPER
	MOVQ         AX, ret+16(FP)
	RET

// func transposeAVX2(dst *float32, dstStride int, src *float32, srcStride, eights int)
//
// Eight rows of src become eight columns of dst, eight numbers a turn.
TEXT ·transposeAVX2(SB), NOSPLIT, $0-40
	MOVQ dst+0(FP), DI
	MOVQ dstStride+8(FP), R13
	MOVQ src+16(FP), R8
	MOVQ srcStride+24(FP), R12
	MOVQ eights+32(FP), CX
	SHLQ $2, R12
	SHLQ $2, R13
	LEAQ (R12)(R12*2), AX
	LEAQ (R8)(AX*1), R9
	LEAQ (R9)(AX*1), R10

loop:
	VMOVUPS (R8), Y0
	VMOVUPS (R8)(R12*1), Y1
	VMOVUPS (R8)(R12*2), Y2
	VMOVUPS (R9), Y3
	VMOVUPS (R9)(R12*1), Y4
	VMOVUPS (R9)(R12*2), Y5
	VMOVUPS (R10), Y6
	VMOVUPS (R10)(R12*1), Y7

	// Pairs of rows, then fours, then halves.
	VUNPCKLPS  Y1, Y0, Y8
	VUNPCKHPS  Y1, Y0, Y9
	VUNPCKLPS  Y3, Y2, Y10
	VUNPCKHPS  Y3, Y2, Y11
	VUNPCKLPS  Y5, Y4, Y12
	VUNPCKHPS  Y5, Y4, Y13
	VUNPCKLPS  Y7, Y6, Y14
	VUNPCKHPS  Y7, Y6, Y15
	VUNPCKLPD  Y10, Y8, Y0
	VUNPCKHPD  Y10, Y8, Y1
	VUNPCKLPD  Y11, Y9, Y2
	VUNPCKHPD  Y11, Y9, Y3
	VUNPCKLPD  Y14, Y12, Y4
	VUNPCKHPD  Y14, Y12, Y5
	VUNPCKLPD  Y15, Y13, Y6
	VUNPCKHPD  Y15, Y13, Y7
	VPERM2F128 $0x20, Y4, Y0, Y8
	VPERM2F128 $0x20, Y5, Y1, Y9
	VPERM2F128 $0x20, Y6, Y2, Y10
	VPERM2F128 $0x20, Y7, Y3, Y11
	VPERM2F128 $0x31, Y4, Y0, Y12
	VPERM2F128 $0x31, Y5, Y1, Y13
	VPERM2F128 $0x31, Y6, Y2, Y14
	VPERM2F128 $0x31, Y7, Y3, Y15

	LEAQ    (DI)(R13*4), SI
	VMOVUPS Y8, (DI)
	VMOVUPS Y9, (DI)(R13*1)
	VMOVUPS Y10, (DI)(R13*2)
	VMOVUPS Y12, (SI)
	VMOVUPS Y13, (SI)(R13*1)
	VMOVUPS Y14, (SI)(R13*2)
	ADDQ    R13, DI
	ADDQ    R13, SI
	VMOVUPS Y11, (DI)(R13*2)
	VMOVUPS Y15, (SI)(R13*2)
	LEAQ    (SI)(R13*2), DI
	ADDQ    R13, DI
	ADDQ    $32, R8
	ADDQ    $32, R9
	ADDQ    $32, R10
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET

// func maxAVX2(x *float32, eights int) float32
TEXT ·maxAVX2(SB), NOSPLIT, $0-20
	MOVQ    x+0(FP), SI
	MOVQ    eights+8(FP), CX
	VMOVUPS (SI), Y0

loop:
	VMAXPS (SI), Y0, Y0
	ADDQ   $32, SI
	DECQ   CX
	JNZ    loop

	VEXTRACTF128 $1, Y0, X1
	VMAXPS       X1, X0, X0
	VPERMILPS    $0x4e, X0, X1
	VMAXPS       X1, X0, X0
	VPERMILPS    $0xb1, X0, X1
	VMAXPS       X1, X0, X0
	VZEROUPPER
	MOVSS        X0, ret+16(FP)
	RET

// func atLeastAVX2(mask *byte, x *float32, eights int, limit float32)
TEXT ·atLeastAVX2(SB), NOSPLIT, $0-28
	MOVQ         mask+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         eights+16(FP), CX
	VBROADCASTSS limit+24(FP), Y0

loop:
	VCMPPS    $2, (SI), Y0, Y1 // limit less than x or equal
	VMOVMSKPS Y1, AX
	MOVB      AX, (DI)
	ADDQ      $32, SI
	INCQ      DI
	DECQ      CX
	JNZ       loop
	VZEROUPPER
	RET

// func dotAVX2(sums *[4]float64, x, y *float32, eights int)
//
// Products of two float32 numbers are exact in float64, so it does not matter
// that they are added without being rounded first.
TEXT ·dotAVX2(SB), NOSPLIT, $0-32
	MOVQ   sums+0(FP), DX
	MOVQ   x+8(FP), SI
	MOVQ   y+16(FP), DI
	MOVQ   eights+24(FP), CX
	VXORPD Y0, Y0, Y0

loop:
	VCVTPS2PD   (SI), Y1
	VCVTPS2PD   (DI), Y2
	VCVTPS2PD   16(SI), Y3
	VCVTPS2PD   16(DI), Y4
	VFMADD231PD Y2, Y1, Y0
	VFMADD231PD Y4, Y3, Y0
	ADDQ        $32, SI
	ADDQ        $32, DI
	DECQ        CX
	JNZ         loop
	VMOVUPD     Y0, (DX)
	VZEROUPPER
	RET

// func axpyAVX2(dst, x *float32, eights int, a float32)
TEXT ·axpyAVX2(SB), NOSPLIT, $0-28
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         eights+16(FP), CX
	VBROADCASTSS a+24(FP), Y0

loop:
	VMULPS  (SI), Y0, Y1
	VADDPS  (DI), Y1, Y1
	VMOVUPS Y1, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DI
	DECQ    CX
	JNZ     loop
	VZEROUPPER
	RET

// func ulpF16AVX2(src *byte, sixteens int) (sum uint64, done int)
//
// A float16 number has the exponent field e, where 0 counts as 1, and the ulp 2^(e-25).
// The sum is of 4^(e-1), which is exact: for numbers below 2 they have 29 bits, so that
// seven rounds fit into the 32 bits of a lane before they are widened.
TEXT ·ulpF16AVX2(SB), NOSPLIT, $0-32
	MOVQ         src+0(FP), SI
	MOVQ         sixteens+8(FP), CX
	XORQ         AX, AX
	VPCMPEQW     Y15, Y15, Y15
	VPSRLW       $15, Y15, Y14 // words of 1
	VPSLLW       $14, Y14, Y13 // the bit of an exponent of 2 or more
	VPCMPEQD     Y12, Y12, Y12
	VPSRLD       $31, Y12, Y12 // doublewords of 1
	VPXOR        Y6, Y6, Y6
	VPXOR        Y7, Y7, Y7

flush:
	VPXOR Y5, Y5, Y5
	MOVQ  $7, DX

loop:
	CMPQ         AX, CX
	JE           done
	VMOVDQU      (SI), Y0
	VPTEST       Y13, Y0
	JNZ          done
	VPSLLW       $1, Y0, Y0
	VPSRLW       $11, Y0, Y0
	VPSUBUSW     Y14, Y0, Y0
	VPADDW       Y0, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPMOVZXWD    X0, Y0
	VPMOVZXWD    X1, Y1
	VPSLLVD      Y0, Y12, Y0
	VPSLLVD      Y1, Y12, Y1
	VPADDD       Y0, Y5, Y5
	VPADDD       Y1, Y5, Y5
	ADDQ         $32, SI
	INCQ         AX
	DECQ         DX
	JNZ          loop
	VEXTRACTI128 $1, Y5, X1
	VPMOVZXDQ    X5, Y0
	VPMOVZXDQ    X1, Y1
	VPADDQ       Y0, Y6, Y6
	VPADDQ       Y1, Y7, Y7
	JMP          flush

done:
	VEXTRACTI128 $1, Y5, X1
	VPMOVZXDQ    X5, Y0
	VPMOVZXDQ    X1, Y1
	VPADDQ       Y0, Y6, Y6
	VPADDQ       Y1, Y7, Y7
	VPADDQ       Y7, Y6, Y6
	VEXTRACTI128 $1, Y6, X1
	VPADDQ       X1, X6, X6
	VPSRLDQ      $8, X6, X1
	VPADDQ       X1, X6, X6
	VMOVQ        X6, DX
	MOVQ         DX, sum+16(FP)
	MOVQ         AX, done+24(FP)
	VZEROUPPER
	RET
