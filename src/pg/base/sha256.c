/*
 * sha256.c: see sha256.h; PostgreSQL's own implementation.
 */
#include "postgres.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "utils/builtins.h"

#include "pg/base/sha256.h"

void
sha256_digest(const void *bytes, size_t size, uint8_t digest[SHA256_BYTES])
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);

	StaticAssertStmt(PG_SHA256_DIGEST_LENGTH == SHA256_BYTES, "SHA-256 has 32 bytes");
	if (pg_cryptohash_init(context) < 0 ||
		pg_cryptohash_update(context, bytes, size) < 0 ||
		pg_cryptohash_final(context, digest, SHA256_BYTES) < 0)
		elog(ERROR, "could not compute SHA-256: %s", pg_cryptohash_error(context));
	pg_cryptohash_free(context);
}

void
sha256_hex(const uint8_t digest[SHA256_BYTES], char hex[SHA256_HEX_SIZE])
{
	uint64		length = hex_encode((const char *) digest, SHA256_BYTES, hex);

	hex[length] = '\0';
}
