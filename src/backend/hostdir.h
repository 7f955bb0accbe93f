/* Files below one folder of the host, and none outside it, under names that a guest chose.
 *
 * Every name is resolved by the kernel with RESOLVE_BENEATH (openat2(2), Linux 5.6): absolute
 * names,
 * "..", and symbolic links that leave the folder fail, also while somebody else moves things about.
 * Functions return 0 or a file descriptor, or -errno: the caller hands the number to its guest.
 */
#ifndef BACKEND_HOSTDIR_H
#define BACKEND_HOSTDIR_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct hostdir {
    int fd; /* the folder, owned */
};

/* Opens the folder. -E... names it and says why not; -ENOSYS when the kernel lacks openat2(). @any
 */
int MUST_CHECK hostdir_open(struct hostdir *d, const char *path, struct err *e);
void hostdir_close(struct hostdir *d);

/* Opens the regular file `name` with open(2)'s flags (access mode, O_CREAT, O_TRUNC, O_APPEND);
 * the caller closes it with hostfile_close(). -EXDEV for a name outside the folder, -EACCES for
 * anything but a regular file. @any */
int MUST_CHECK hostdir_open_file(const struct hostdir *d, const char *name, int flags);

/* Removes or renames one file (not a folder). -errno. @any */
int MUST_CHECK hostdir_remove(const struct hostdir *d, const char *name);
int MUST_CHECK hostdir_rename(const struct hostdir *d, const char *from, const char *to);

/* Reads up to len bytes: how many, 0 at the end, -errno. @any */
ssize_t MUST_CHECK hostfile_read(int fd, void *data, size_t len);
/* Writes all of it: len, or -errno (some bytes may be written then). @any */
ssize_t MUST_CHECK hostfile_write(int fd, const void *data, size_t len);
/* Moves to a byte offset from the beginning; -errno. @any */
int MUST_CHECK hostfile_seek(int fd, uint64_t offset);
/* Length in bytes; -errno. @any */
int64_t MUST_CHECK hostfile_length(int fd);
/* @any */
void hostfile_close(int fd);

#endif
