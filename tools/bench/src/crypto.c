/*
 * crypto gcm|ctr|sha256 MEBIBYTES, crypto rsa KEY.pem COUNT, crypto ed25519 COUNT
 *
 * A fixed amount of the work that `openssl speed` does, on Debian's libcrypto, whose assembly code
 * uses the processor's cryptographic instructions: AES-128-GCM in records of 16 KiB, AES-128-CTR,
 * SHA-256 of 16 KiB blocks; signatures (RSA: COUNT and 30 times as many verifications; Ed25519:
 * COUNT of each). All is deterministic; prints the SHA-256 of every tag, digest or signature.
 */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD = 16384 };

static void fail(const char *what)
{
    fprintf(stderr, "crypto: %s failed\n", what);
    exit(1);
}

static void need(int ok, const char *what)
{
    if (ok <= 0)
        fail(what);
}

static unsigned char buffer[RECORD], output[RECORD];

static void cipher(const EVP_CIPHER *type, int is_gcm, long records, EVP_MD_CTX *sum)
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    unsigned char key[16] = "sixteen byte key", iv[16] = {1}, tag[16];
    int n;

    need(EVP_EncryptInit_ex(c, type, NULL, key, iv), "init");
    for (long i = 0; i < records; i++) {
        memcpy(iv, &i, sizeof i);
        if (is_gcm)
            need(EVP_EncryptInit_ex(c, NULL, NULL, NULL, iv), "init");
        need(EVP_EncryptUpdate(c, output, &n, buffer, RECORD), "update");
        memcpy(tag, output + RECORD - 16, 16);
        if (is_gcm) {
            need(EVP_EncryptFinal_ex(c, output, &n), "final");
            need(EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, tag), "tag");
        }
        need(EVP_DigestUpdate(sum, tag, 16), "digest");
    }
    EVP_CIPHER_CTX_free(c);
}

static void sha256(long records, EVP_MD_CTX *sum)
{
    unsigned char digest[32];

    for (long i = 0; i < records; i++) {
        memcpy(buffer, &i, sizeof i);
        need(EVP_Digest(buffer, RECORD, digest, NULL, EVP_sha256(), NULL), "digest");
        need(EVP_DigestUpdate(sum, digest, 32), "digest");
    }
}

static void signatures(EVP_PKEY *key, const EVP_MD *type, long count, int verifications,
                       EVP_MD_CTX *sum)
{
    unsigned char signature[512];

    for (long i = 0; i < count; i++) {
        EVP_MD_CTX *c = EVP_MD_CTX_new();
        size_t size = sizeof signature;
        memcpy(buffer, &i, sizeof i);
        need(EVP_DigestSignInit(c, NULL, type, NULL, key), "init");
        need(EVP_DigestSign(c, signature, &size, buffer, 64), "sign");
        EVP_MD_CTX_free(c);
        need(EVP_DigestUpdate(sum, signature, size), "digest");
        for (int v = 0; v < verifications; v++) {
            c = EVP_MD_CTX_new();
            need(EVP_DigestVerifyInit(c, NULL, type, NULL, key), "init");
            need(EVP_DigestVerify(c, signature, size, buffer, 64), "verify");
            EVP_MD_CTX_free(c);
        }
    }
}

static EVP_PKEY *rsa_key(const char *path)
{
    FILE *f = fopen(path, "r");
    EVP_PKEY *key = f ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

    if (!key)
        fail(path);
    fclose(f);
    return key;
}

int main(int argc, char **argv)
{
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    const char *what = argc > 2 ? argv[1] : "";
    long count = argc > 2 ? atol(argv[argc - 1]) : 0, records = count * ((1 << 20) / RECORD);

    need(EVP_DigestInit_ex(sum, EVP_sha256(), NULL), "digest");
    for (int i = 0; i < RECORD; i++)
        buffer[i] = (unsigned char)(i * 7 + i / 256);
    if (!strcmp(what, "gcm")) {
        cipher(EVP_aes_128_gcm(), 1, records, sum);
    } else if (!strcmp(what, "ctr")) {
        cipher(EVP_aes_128_ctr(), 0, records, sum);
    } else if (!strcmp(what, "sha256")) {
        sha256(records, sum);
    } else if (!strcmp(what, "rsa") && argc == 4) {
        signatures(rsa_key(argv[2]), EVP_sha256(), count, 30, sum);
    } else if (!strcmp(what, "ed25519")) {
        static const unsigned char seed[32] = "thirty-two bytes make a secret k";
        EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
        signatures(key, NULL, count, 1, sum);
    } else {
        fprintf(stderr, "usage: crypto gcm|ctr|sha256|ed25519 N | crypto rsa KEY.pem N\n");
        return 2;
    }
    unsigned char digest[32];
    need(EVP_DigestFinal_ex(sum, digest, NULL), "digest");
    for (int i = 0; i < 32; i++)
        printf("%02x", digest[i]);
    printf("\n");
    return 0;
}
