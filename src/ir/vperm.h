/* What sub2 means in the rows of ops_vperm.def that have it. */
#ifndef IR_VPERM_H
#define IR_VPERM_H

/* VZIP, VUZP, VTRN, VXTN, VPMULL: which of the two halves, or the even or odd elements. */
#define IR_V_LOW 0u
#define IR_V_HIGH 1u

/* VWIDEN, VMULL, VADDLP: or-ed together. */
#define IR_VW_SIGNED 1u
#define IR_VW_HIGH 2u /* of the upper halves of the operands; not VADDLP */

/* VQXTN: as enum ir_vqshli. */
enum ir_vqxtn { IR_VQXTN_SS, IR_VQXTN_UU, IR_VQXTN_SU };

/* VREDUCE; UADDL: of bytes, the sum is a half word. */
enum ir_vreduce {
    IR_VREDUCE_ADD, IR_VREDUCE_UADDL, IR_VREDUCE_SMAX, IR_VREDUCE_UMAX, IR_VREDUCE_SMIN,
    IR_VREDUCE_UMIN,
};

/* VAESR, VAESL, VAESMC */
enum ir_vaes { IR_VAES_ENCRYPT, IR_VAES_DECRYPT };

/* VSHA1: the function of the rounds. */
enum ir_vsha1 { IR_VSHA1_CHOOSE, IR_VSHA1_PARITY, IR_VSHA1_MAJORITY };

/* VSHA256: which half of the state. */
enum ir_vsha256 { IR_VSHA256_ABCD, IR_VSHA256_EFGH };

#endif
