/* What sub2 means in the rows of ops_vint.def that have it. */
#ifndef IR_VINT_H
#define IR_VINT_H

/* VHALF: (a + b) >> 1, (a + b + 1) >> 1 and (a - b) >> 1 of the exact sums. */
enum ir_vhalf {
    IR_VHALF_UHADD, IR_VHALF_URHADD, IR_VHALF_UHSUB, IR_VHALF_SHADD, IR_VHALF_SRHADD,
    IR_VHALF_SHSUB, IR_VHALF_COUNT
};

/* VCMP; HI and HS are unsigned, TST is (a & b) != 0. */
enum ir_vcmp {
    IR_VCMP_EQ, IR_VCMP_GT, IR_VCMP_GE, IR_VCMP_HI, IR_VCMP_HS, IR_VCMP_TST, IR_VCMP_LE,
    IR_VCMP_LT,
};

/* VSHI; the R forms round: (a + (1 << (imm - 1))) >> imm of the exact sum. */
enum ir_vshi { IR_VSHI_SHL, IR_VSHI_SHR, IR_VSHI_SAR, IR_VSHI_RSHR, IR_VSHI_RSAR };

/* VSHV and VQSHV: or-ed together. */
#define IR_VSH_SIGNED 1u
#define IR_VSH_ROUND 2u

/* VQADD */
enum ir_vqadd { IR_VQADD_SADD, IR_VQADD_UADD, IR_VQADD_SSUB, IR_VQADD_USUB };

/* VQSHLI: from and to signed; from and to unsigned; from signed to unsigned. */
enum ir_vqshli { IR_VQSHLI_SS, IR_VQSHLI_UU, IR_VQSHLI_SU };

/* VDOT: or-ed together. */
#define IR_VDOT_B_SIGNED 1u
#define IR_VDOT_C_SIGNED 2u

#endif
