/*
 * compat.h: what differs between PostgreSQL 15, 16, 17 and 18, under one set
 * of names.
 *
 * No other file asks for the server's version. Names of the server that mean
 * the same in all of them are used as they are.
 */
#ifndef LESIONSEG_PG_BASE_COMPAT_H
#define LESIONSEG_PG_BASE_COMPAT_H

#include "postgres.h"

#include "commands/extension.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "storage/lock.h"
#include "utils/regproc.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "lesionseg builds for PostgreSQL 15 to 18; PG_CONFIG names the server's pg_config"
#endif

/* 16 moved VARDATA and related macros out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* 17 numbers processes from 0, under another name. */
#if PG_VERSION_NUM >= 170000
#include "storage/procnumber.h"
#else
#include "storage/backendid.h"
#endif

/* The library's name and version: 18 shows them in pg_get_loaded_modules(). */
#if PG_VERSION_NUM >= 180000
#define LESIONSEG_MODULE_MAGIC PG_MODULE_MAGIC_EXT(.name = "lesionseg", .version = LESIONSEG_VERSION)
#else
#define LESIONSEG_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/* The folders in which the server looks for extensions, separated by colons;
 * each has a subfolder "extension". "$system" is the server's own. */
static inline const char *
compat_extension_path(void)
{
#if PG_VERSION_NUM >= 180000
	return Extension_control_path;
#else
	return "$system";
#endif
}

/* This process's number among MaxBackends, from 0; below 0: it has none. */
static inline int
compat_process_number(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProcNumber;
#else
	return MyBackendId - 1;
#endif
}

/* Does this process hold the lock in exactly this mode? */
static inline bool
compat_lock_held(const LOCKTAG *tag, LOCKMODE mode)
{
#if PG_VERSION_NUM >= 170000
	return LockHeldByMe(tag, mode, false);
#else
	return LockHeldByMe(tag, mode);
#endif
}

/* The parts of a qualified name ("schema.table"); other texts are an error. */
static inline List *
compat_qualified_name(const char *name)
{
#if PG_VERSION_NUM >= 160000
	return stringToQualifiedNameList(name, NULL);
#else
	return stringToQualifiedNameList(name);
#endif
}

#endif
