# The sources of each folder. Folders are listed; files inside a folder are all its .c files, since a
# folder has no optional parts today. GENSRCS_x are generated from isa/ into $(B)/gen.
SRCS_base    := $(sort $(wildcard src/base/*.c))
SRCS_state   := $(sort $(wildcard src/state/*.c))
SRCS_a64     := $(sort $(wildcard src/a64/*.c))
GENSRCS_a64  := a64_ops.c
SRCS_mem     := $(sort $(wildcard src/mem/*.c))
SRCS_ir      := $(sort $(wildcard src/ir/*.c))
SRCS_x64     := $(sort $(wildcard src/x64/*.c))
SRCS_vm      := $(sort $(wildcard src/vm/*.c))
SRCS_backend := $(sort $(wildcard src/backend/*.c))
SRCS_engine  := $(sort $(wildcard src/engine/*.c src/engine/interp/*.c \
                         src/engine/lift/*.c src/engine/jit/*.c))
GENSRCS_engine := interp_table.c
SRCS_dev     := $(sort $(wildcard src/dev/*.c))
SRCS_virtio  := $(sort $(wildcard src/virtio/*.c))
SRCS_board   := $(sort $(wildcard src/board/*.c))
SRCS_cmd     := $(sort $(wildcard src/cmd/*.c))
