# files.pl: lesionseg-files, which puts image files into a table and masks out
# into files, on the folders that archives are handed out in.
use strict;
use warnings;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use FindBin;
use POSIX ();
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database);
use Test::More;

my $database = 'tap_files';
fresh_database($database);
my $folder = tempdir(CLEANUP => 1);

# The program's exit status and all it says.
sub files {
	my $said = qx{lesionseg-files @_ -d $database 2>&1 </dev/null};
	return ($? >> 8, $said);
}

# A rendered image or its mask becomes a file.
sub make_file {
	my ($seed, $column, $path) = @_;
	(my $into = "$folder/$path") =~ s{/[^/]+$}{};
	make_path($into);
	my $hex = run_sql($database, "SELECT encode($column, 'hex') FROM lesion_synthetic($seed, 32, 32)");
	open my $file, '>:raw', "$folder/$path" or die "$path: $!\n";
	print {$file} pack 'H*', $hex;
	close $file;
	return;
}

make_file(1, 'image', 'ph2/IMD1/IMD1_Dermoscopic_Image/IMD1.png');
make_file(1, 'mask', 'ph2/IMD1/IMD1_lesion/IMD1_lesion.png');
make_file(1, 'mask', 'ph2/IMD1/IMD1_roi/IMD1_R1_Label3.png');
make_file(2, 'image', 'isic/ISIC_2.png');
make_file(2, 'image', 'isic/ISIC_2_superpixels.png');
make_file(2, 'mask', 'isic/Part1_GroundTruth/ISIC_2_segmentation.png');
make_file(3, 'image', 'plain/images/tab	and \\.png');
make_file(4, 'mask', 'plain/masks/4.png');
make_file(4, 'image', 'plain/images/4.PNG');
make_file(4, 'image', 'plain/images/notes.txt');

my ($status, $said) = files("load $folder/ph2");
is($status, 0, 'a folder of the PH2 kind is loaded') or diag $said;
like($said, qr/^1 images into archive, 1 of them with a mask; 0 were there already$/m, '... the regions left out');
files("load $folder/isic");
($status, $said) = files("load $folder/plain");
like($said, qr/left out, for they are not read: 1 files \.txt/, 'files that are no images are told');
is(run_sql($database, q{SELECT string_agg(a.id || ':' || coalesce(a.mask = s.mask, false), ' ' ORDER BY n)
	FROM archive AS a, generate_series(1, 4) AS n, lesion_synthetic(n, 32, 32) AS s WHERE a.image = s.image}),
	"IMD1:true ISIC_2:true tab	and \\:false 4:true",
	'every image has its own bytes and its own mask, and none where there is none');

# Masks in a folder of any name, below that of the images or above it.
make_file(7, 'image', 'below/7.png');
make_file(7, 'mask', 'below/truth/7.png');
make_file(8, 'image', 'above/photos/8.png');
make_file(8, 'mask', 'above/8.png');
files("load --masks $folder/below/truth $folder/below odd");
files("load --masks $folder/above/ $folder/above/../above/photos odd");
is(run_sql($database, q{SELECT string_agg(a.id || ':' || (a.image = s.image AND a.mask = s.mask), ' ' ORDER BY n)
	FROM odd AS a, generate_series(1, 8) AS n, lesion_synthetic(n, 32, 32) AS s WHERE a.id = n::text}), '7:true 8:true',
	'files of --masks are masks, wherever that folder lies');
($status, $said) = files("load --masks $folder/below $folder/below odd");
ok($status && $said =~ /--masks names the folder of images/, '... but for that of the images itself');

# Files of one name in several folders.
make_file(9, 'image', 'patients/1/images/0.png');
make_file(9, 'mask', 'patients/1/masks/0.png');
make_file(10, 'image', 'patients/2/0.png');
make_file(10, 'mask', 'patients/2/0_mask.png');
($status, $said) = files("load $folder/patients patients");
ok($status && $said =~ /^nothing was loaded, for the id of 2 files is that of another:\n  0: .* and .*--paths/s,
	'two files of one name: no one is taken');
is(run_sql($database, q{SELECT to_regclass('patients') IS NULL}), 't', '... and there is no table');
($status, $said) = files("load --paths $folder/patients patients");
is(run_sql($database, q{SELECT string_agg(a.id || ':' || (a.image = s.image AND a.mask = s.mask), ' ' ORDER BY id)
	FROM patients AS a, generate_series(9, 10) AS n, lesion_synthetic(n, 32, 32) AS s WHERE a.image = s.image}),
	'1/0:true 2/0:true', '... but for their paths') or diag $said;
make_file(11, 'image', 'formats/11.jpg');
make_file(11, 'mask', 'formats/11.png');
($status, $said) = files("load $folder/formats formats");
ok($status && $said =~ /^nothing was loaded, for the id of 1 files.*call it NAME_mask/s, 'NAME.jpg beside NAME.png');
make_file(12, 'image', 'elsewhere/7.png');
make_file(12, 'mask', 'elsewhere/7_mask.png');
run_sql($database, q{UPDATE odd SET image = image || '\x00', mask = NULL WHERE id = '7'});
($status, $said) = files("load $folder/elsewhere odd");
like($said, qr/^1 images are left out, for another image has their id in odd: 7$/m,
	'an image whose id another has is told');
is(run_sql($database, q{SELECT mask IS NULL FROM odd WHERE id = '7'}), 't', '... and its mask goes to no other');

my $size = -s "$folder/elsewhere/7.png";
run_sql($database, qq{UPDATE odd SET image = decode(repeat('00', $size), 'hex') WHERE id = '7'});
($status, $said) = files("load $folder/elsewhere odd");
like($said, qr/^1 masks are left out, for the image that has their id in odd is another of the same size$/m,
	'... also where its size is the same');
is(run_sql($database, q{SELECT mask IS NULL FROM odd WHERE id = '7'}), 't', '... so its mask goes to no other');

# Called again: nothing is new, but a mask that has come since.
make_file(3, 'mask', "plain/masks/tab	and \\.png");
($status, $said) = files("load $folder/plain");
like($said, qr/^1 images into archive, 1 of them with a mask; 1 were there already$/m,
	'a mask that came later is added');
is(run_sql($database, q{SELECT count(*), count(mask) FROM archive}), '4|4', '... to its image');

# Out again.
run_sql($database, q{INSERT INTO archive SELECT '../x/' || id, image, mask FROM archive WHERE id = '4'});
($status, $said) = files("save $folder/out archive");
is($status, 0, 'masks become files') or diag $said;
is(join('|', sort map { s{.*/}{}r } glob "$folder/out/*.png"), '4.png|IMD1.png|ISIC_2.png|_._x_4.png|tab_and _.png',
	'... in the folder, whatever the id');
open my $in, '<:raw', "$folder/out/IMD1.png" or die "IMD1.png: $!\n";
my $bytes = do { local $/; <$in> };
close $in;
is(unpack('H*', $bytes), run_sql($database, q{SELECT encode(mask, 'hex') FROM lesion_synthetic(1, 32, 32)}),
	'... byte for byte');
($status, $said) = files("save $folder/out archive");
like($said, qr/^0 files into .*; 5 were there already$/m, 'files that are there stay');
run_sql($database, q{INSERT INTO archive SELECT 'huge', image, convert_to(repeat('0', 250000001), 'UTF8') FROM archive
	WHERE id = '4'});
($status, $said) = files("save $folder/others archive");
like($said, qr/^1 rows were left out: a mask or picture has more than 250000000 bytes/m,
	'a mask that no COPY can hold is told');
isnt($status, 0, '... by the status, too');
is(scalar(() = glob "$folder/others/*.png"), 5, '... and keeps no other from being saved');
($status, $said) = files("save $folder/asked \"SELECT id, mask FROM archive WHERE id < '5' OR id = 'huge'
	UNION ALL SELECT repeat('n', 1000001), mask FROM archive WHERE id = '4' UNION ALL SELECT NULL, NULL\"");
like($said, qr/^2 rows were left out: a mask or picture has more than 250000000 bytes, or a name/m, 'nor does a query');
is(scalar(() = glob "$folder/asked/*.png"),
	run_sql($database, q{SELECT count(mask) FROM archive WHERE id < '5'}), '... save less for it');
run_sql($database, q{DELETE FROM archive WHERE id = 'huge'});
($status, $said) = files("save $folder/pictures \"SELECT 'p', lesion_overlay(image, mask)
	FROM archive WHERE id = '4';\n\"");
ok(-s "$folder/pictures/p.png", 'a query of pictures, a semicolon behind it');
($status, $said) = files("save $folder/pictures \"SELECT 'q', mask FROM archive WHERE id = '4' -- the mask\"");
ok(-s "$folder/pictures/q.png", '... or a comment');

# Names of any bytes: no file keeps the others out, and none gives orders to a terminal.
make_file(13, 'image', "bytes/c\rr.png");
make_file(14, 'image', "bytes/\xff\xfe.png");
make_file(15, 'image', "bytes/\xed\xa0\x80.png");
make_file(16, 'image', "bytes/\xc3\xa4.png");
make_file(17, 'image', 'bytes/' . join('/', map { $_ x 250 } 'a' .. 'i') . '/0.png');
make_file(18, 'mask', "bytes/x\e]0;title\a\xc2\x9b2J_mask.png");
($status, $said) = files("load --paths $folder/bytes bytes");
is(run_sql($database, q{SELECT string_agg(md5(b.id), ' ' ORDER BY n) FROM bytes AS b, generate_series(13, 17) AS n,
	lesion_synthetic(n, 32, 32) AS s WHERE b.image = s.image}),
	run_sql($database, q{SELECT md5(E'c\rr') || ' ' || md5(E'\u00e4')}), 'a carriage return in a name, and a letter');
like($said, qr/left out, for they are not read: 2 files whose names are not UTF-8, 1 files whose names are too long\n/,
	'... what cannot be an id is told');
like($said, qr/1 masks belong to no image: x\?\]0;title\?\?2J\n/, '... and nothing reaches the terminal');
($status, $said) = files("load --paths $folder/bytes bytes");
like($said, qr/^0 images into bytes, 0 of them with a mask; 2 were there already$/m,
	'... and called again they are known');
run_sql($database, q{INSERT INTO bytes SELECT chr(n) || 'e', image FROM bytes, unnest('{8,11,12}'::int[]) AS n
	WHERE id = E'c\rr'});
make_file(13, 'image', "control/" . chr($_) . "e.png") for 8, 11, 12;
($status, $said) = files("load $folder/control bytes");
like($said, qr/^0 images into bytes, 0 of them with a mask; 3 were there already$/m,
	'ids with a backspace and the like are those of their files');

# What a link leads to, and what cannot be read.
make_file(19, 'image', 'links/19.png');
make_file(19, 'mask', 'secret/20.png');
symlink "$folder/secret/20.png", "$folder/links/20.png";
symlink "$folder/secret", "$folder/links/more";
open my $hole, '>', "$folder/links/21.png" or die "21.png: $!\n";
truncate $hole, 500_000_001;
close $hole;
($status, $said) = files("load $folder/links links");
is(run_sql($database, 'SELECT string_agg(id, $$ $$) FROM links'), '19',
	'links are left out, and so is what is too large');
like($said, qr/not read: 2 files that are symbolic links\n/, '... which is told of links');
like($said, qr/^1 files are left out, .* cannot be read or are too large for a row: .*21\.png\n1 images into links,/m,
	'... and of the others');

# A folder that becomes a link between the listing and the reading.
make_file(22, 'image', 'swapped/patient/22.png');
make_file(23, 'image', 'secret/22.png');
run_sql($database, 'CREATE TABLE swapped (id text PRIMARY KEY, image bytea NOT NULL, mask bytea)');
my $locking = Session->new($database);
$locking->query('BEGIN; LOCK TABLE swapped');
my $loading = fork // die "fork: $!\n";
if (!$loading) {
	($status, $said) = files("load $folder/swapped swapped");
	POSIX::_exit($said =~ /^1 files are left out, .*22\.png/m ? 0 : 1);
}
for (1 .. 300) {
	last if run_sql('postgres', 'SELECT count(*) FROM pg_locks WHERE NOT granted');
	select undef, undef, undef, 0.1;
}
rename "$folder/swapped/patient", "$folder/swapped/.patient";
symlink "$folder/secret", "$folder/swapped/patient";
$locking->query('COMMIT');
waitpid $loading, 0;
is($?, 0, 'a file whose folder became a link meanwhile is left out');
is(run_sql($database, 'SELECT count(*) FROM swapped'), 0, '... and nothing is loaded for it');
$locking->quit;
open my $victim, '>', "$folder/victim" or die "victim: $!\n";
print {$victim} 'untouched';
close $victim;
make_path("$folder/linked");
symlink "$folder/victim", "$folder/linked/4.png.part";
symlink "$folder/victim", "$folder/linked/4.png";
($status, $said) = files("save --overwrite $folder/linked \"SELECT id, mask FROM archive WHERE id = '4'\"");
is(-s "$folder/victim", 9, 'nothing is written through a link');
ok(!-l "$folder/linked/4.png" && -s "$folder/linked/4.png" > 9 && !-e "$folder/linked/4.png.part",
	'... that stands in the place of a file to save') or diag $said;
($status, $said) = files("save $folder/shown \"SELECT E'\\x7f\\u009b', mask FROM archive\"");
like($said, qr/two rows are called \?\?, /, 'names of rows give no orders to a terminal either');

# Errors.
($status, $said) = files("save $folder/twice \"SELECT 'same', mask FROM archive\"");
ok($status && $said =~ /two rows are called same/ && $said =~ /rows were left out/ && -f "$folder/twice/same.png",
	'two rows of one name');
($status, $said) = files("save $folder/long \"SELECT repeat('long', 100) || n, mask FROM archive, "
	. "generate_series(1, 2) AS n WHERE id = (SELECT min(id) FROM archive WHERE mask IS NOT NULL)\"");
ok(!$status && (() = glob "$folder/long/long*.png") == 2, 'names too long for a file are cut') or diag $said;
for my $query ("\\! touch $folder/ran", "SELECT id, mask FROM archive \\! touch $folder/ran") {
	($status, $said) = files("save $folder/command '$query'");
	ok($status && !-e "$folder/ran", 'a command of psql in a query is not run') or diag $said;
}
($status, $said) = files("save $folder/x \"SELECT id FROM archive\"");
ok($status && $said =~ /must have two columns/, 'a query of one column');
($status, $said) = files("save $folder/x \"SELECT id, lesion_overlay(mask, 'no mask') FROM archive\"");
ok($status && $said =~ /ERROR/ && $said !~ /must have two columns/, '... is not said of one whose picture fails');
($status, $said) = files("save $folder/x \"SELECT id, mask, 1 FROM archive\"");
ok($status && $said =~ /must have two columns/, '... of three');
($status, $said) = files("save $folder/x \"SELECT id, 'text' FROM archive\"");
ok($status && $said =~ /must be bytea/, '... of text');
($status, $said) = files("load $folder/out/none");
ok($status && $said =~ /is no folder/, 'no folder');
($status, $said) = files("load $folder/ph2 nowhere.archive");
ok($status && $said =~ /schema "nowhere" does not exist/, "the server's error ends it");

# Who has no more than the rights on the table may do it.
run_sql($database, q{DROP ROLE IF EXISTS tap_loader; CREATE ROLE tap_loader LOGIN;
	GRANT SELECT, INSERT, UPDATE ON archive TO tap_loader; DELETE FROM archive WHERE id = 'IMD1'});
($status, $said) = files("load $folder/ph2 -U tap_loader");
is($status, 0, 'no superuser is needed') or diag $said;

# A table of another role's is not filled: its triggers would run as the loader.
run_sql($database, q{DROP ROLE IF EXISTS tap_planter; CREATE ROLE tap_planter LOGIN;
	CREATE SCHEMA planted AUTHORIZATION tap_planter; SET ROLE tap_planter;
	CREATE TABLE planted.archive (id text PRIMARY KEY, image bytea NOT NULL, mask bytea)});
($status, $said) = files("load $folder/ph2 planted.archive");
ok($status && $said =~ /^table planted\.archive belongs to role tap_planter, whose triggers would run/m,
	"a superuser does not load into another role's table") or diag $said;
($status, $said) = files("load $folder/ph2 planted.archive -U tap_planter");
is($status, 0, '... its owner does') or diag $said;
run_sql($database, q{GRANT USAGE ON SCHEMA planted TO tap_loader; GRANT ALL ON planted.archive TO tap_loader});
($status, $said) = files("load $folder/isic planted.archive -U tap_loader");
ok($status && $said =~ /belongs to role tap_planter/, '... one with grants does not') or diag $said;
run_sql($database, 'GRANT tap_planter TO tap_loader');
($status, $said) = files("load $folder/isic planted.archive -U tap_loader");
is($status, 0, '... a member of its owner does') or diag $said;

# Who may give a role away does not have its rights.
run_sql($database, q{REVOKE tap_planter FROM tap_loader; ALTER ROLE tap_loader NOINHERIT;
	GRANT tap_planter TO tap_loader WITH ADMIN OPTION});
($status, $said) = files("load $folder/isic planted.archive -U tap_loader");
ok($status && $said =~ /belongs to role tap_planter/, '... a member without its rights does not') or diag $said;
run_sql($database, 'ALTER ROLE tap_loader INHERIT; REVOKE tap_planter FROM tap_loader');

# Who owns the schema can drop what others have there, and the database's owner what is in public.
run_sql($database, 'CREATE TABLE planted.mine (id text PRIMARY KEY, image bytea NOT NULL, mask bytea)');
($status, $said) = files("load $folder/isic planted.mine");
ok($status && $said =~ /^the schema of table planted\.mine belongs to role tap_planter, who may put/m,
	"one's own table in a schema of another role is not filled") or diag $said;
($status, $said) = files("load $folder/isic planted.new");
ok($status && $said =~ /^the schema of table planted\.new belongs to role tap_planter/m, '... nor a new one')
	or diag $said;
is(run_sql($database, q{SELECT to_regclass('planted.new') IS NULL}), 't', '... which is not left there');
run_sql($database, "ALTER DATABASE $database OWNER TO tap_planter");
($status, $said) = files("load $folder/ph2 public.archive");
is($status, 0, "a table in public is filled whoever owns the database") or diag $said;
run_sql($database, "ALTER DATABASE $database OWNER TO CURRENT_USER");

# A table that takes the place of the loader's own while it waits for a lock is not filled.
run_sql($database, q{CREATE TABLE public.changing (id text PRIMARY KEY, image bytea NOT NULL, mask bytea)});
my $holder = Session->new($database);
$holder->query('BEGIN; LOCK TABLE public.changing IN SHARE MODE');
my $filling = fork // die "fork: $!\n";
if (!$filling) {
	exec "lesionseg-files load -d $database $folder/ph2 public.changing >$folder/changing 2>&1";
}
for (1 .. 300) {
	last if run_sql($database,
		q{SELECT count(*) FROM pg_locks WHERE relation = 'public.changing'::regclass AND NOT granted});
	select undef, undef, undef, 0.1;
}
$holder->query(q{DROP TABLE public.changing; SET ROLE tap_planter;
	CREATE TABLE planted.changing (id text PRIMARY KEY, image bytea NOT NULL, mask bytea); RESET ROLE;
	ALTER TABLE planted.changing SET SCHEMA public; COMMIT});
waitpid $filling, 0;
($status, $said) = ($?, do { local (@ARGV, $/) = "$folder/changing"; <> });
ok($status && $said =~ /another table took the place of public\.changing/,
	'a table that was put there meanwhile is not filled') or diag $said;
is(run_sql($database, 'SELECT count(*) FROM public.changing'), '0', '... no row of it');
$holder->quit;

# Nor is a table taken for the program's own that only has its name.
run_sql($database, q{SET ROLE tap_planter; CREATE TABLE planted.lesionseg_batch (id text, image bytea, mask bytea);
	CREATE FUNCTION planted.tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'code of another role'; END $$;
	CREATE TRIGGER tell BEFORE INSERT ON planted.lesionseg_batch FOR EACH ROW EXECUTE FUNCTION planted.tell()});
run_sql($database, q{DELETE FROM archive WHERE id = 'IMD1'});
{
	local $ENV{PGOPTIONS} = '-c search_path=public,planted,pg_temp';
	($status, $said) = files("load $folder/ph2 public.archive");
}
ok(!$status && $said =~ /1 images into archive/, 'a table of the name of the one it copies to is not filled')
	or diag $said;

# Nor do operators and functions of others run that fit better than the server's.
run_sql($database, q{DELETE FROM archive WHERE id = 'IMD1'});
run_sql($database, q{SET ROLE tap_planter; DO $$
	DECLARE
		r text;
		operator text;
	BEGIN
		FOREACH r IN ARRAY '{regclass,int4,int8,text,name}'::text[] LOOP
			EXECUTE pg_catalog.format('CREATE FUNCTION planted.trap(oid, %s) RETURNS bool LANGUAGE plpgsql IMMUTABLE
				AS ''BEGIN RAISE ''''code of another role''''; END''', r);
			FOREACH operator IN ARRAY '{=,<>}'::text[] LOOP
				CONTINUE WHEN EXISTS (SELECT FROM pg_operator WHERE oprname = operator AND oprleft = 'oid'::regtype
					AND oprright = r::regtype);
				EXECUTE pg_catalog.format('CREATE OPERATOR planted.%s (LEFTARG = oid, RIGHTARG = %s,
					FUNCTION = planted.trap)', operator, r);
			END LOOP;
		END LOOP;
	END $$});
{
	local $ENV{PGOPTIONS} = '-c search_path=public,planted';
	like(scalar qx{psql -Xqd $database -c "SELECT 'archive'::regclass::oid = 'archive'::regclass" 2>&1},
		qr/code of another role/, 'operators are planted');
	($status, $said) = files("load $folder/ph2 public.archive");
}
ok(!$status && $said =~ /1 images into archive/, '... and not run by a load') or diag $said;
run_sql('postgres', "DROP DATABASE $database");

# make uninstall takes away what make install brought (the makefile tells, without doing it).
my $bin = qx{"\${PG_CONFIG:-\$(test/tools/newest-server)}" --bindir};
chomp $bin;
like(scalar qx{make -n uninstall 2>&1}, qr{^rm -f '\Q$bin\E/lesionseg-files'$}m, 'make uninstall knows the program');
like(scalar qx{PG_CONFIG=/bin/true test/tools/cluster true 2>&1}, qr{^/bin/true names no PostgreSQL server\.},
	'nor is there a cluster of no server');
for my $wrong ('/nonexistent/pg_config', '/bin/true') {
	like(scalar qx{make uninstall PG_CONFIG=$wrong 2>&1},
		qr{^\Q$wrong\E names no PostgreSQL to build for\..*^make\S* .*Error}ms,
		"... and does not seem to be done for $wrong");
}
run_sql('postgres', 'DROP ROLE tap_loader, tap_planter');
done_testing();
