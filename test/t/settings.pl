# settings.pl: settings of a database or a role, given by who is no superuser.
# The server lets him name only settings that it knows, and it knows ours once
# the library is loaded.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Session qw(run_sql fresh_database as_owner);
use Test::More;

my $database = 'tap_settings';
fresh_database($database);
run_sql('postgres', qq{DROP ROLE IF EXISTS tap_owner; CREATE ROLE tap_owner LOGIN;
	ALTER DATABASE $database OWNER TO tap_owner});
my $set = "ALTER DATABASE $database SET lesionseg.default_model = 'linknet'";

# A session of the database's owner.
sub owner_session {
	my $session = Session->new($database);
	$session->query('SET SESSION AUTHORIZATION tap_owner');
	return $session;
}

my $session = owner_session();
like($session->query($set), qr/ERROR:  42501/, 'before the library is loaded the server knows no such setting');
$session->query('SELECT lesion_degradations()');
unlike($session->query($set), qr/ERROR/, 'after a call of a function the owner of a database may set it');
unlike($session->query('ALTER ROLE tap_owner SET lesionseg.threads = 1'), qr/ERROR/, '... and a role for itself');
$session->quit;
$session = owner_session();
$session->query('SELECT lesion_degradations()');
is($session->query('SHOW lesionseg.default_model'), 'linknet', '... for the sessions that follow');
$session->quit;

# The first statement of a session is planned with the library: planning it loads it.
run_sql($database, q{CREATE TABLE archive (id int, image bytea); ALTER TABLE archive ALTER image SET STORAGE EXTERNAL;
	INSERT INTO archive SELECT id, repeat('image', 1000)::bytea FROM generate_series(1, 2000) AS id; ANALYZE archive});
$session = Session->new($database);
like($session->query('EXPLAIN SELECT lesion_segment(image) FROM archive'), qr/Workers Planned: [12]/,
	'the first query of a session has parallel workers, without a setting');
$session->quit;

# Where the system starts no more threads for the server's user, a call makes do without.
$session = Session->new($database);
$session->query('SET lesionseg.threads = 3; SET max_parallel_workers_per_gather = 0');
is(system(as_owner(), 'prlimit', '--pid', $session->pid, '--nproc=1'), 0, 'a session may start no thread');
my $segment = q{SELECT length(lesion_segment_classical(image, 'otsu')) > 0 FROM lesion_synthetic(1, 256, 256)};
like($session->query($segment), qr/^WARNING:  53000: 1 of 3 threads can be started\n.*^t\z/ms,
	'... and computes with one');
is($session->query($segment), 't', '... which it says once');
$session->quit;

# The runtime lets threads go where a call needs fewer: then those that are missing are tried again.
$session = Session->new($database);
$session->query('SET lesionseg.threads = 3; SET max_parallel_workers_per_gather = 0');
$session->query($segment);
$session->query("SET lesionseg.threads = 2; $segment");
is(system(as_owner(), 'prlimit', '--pid', $session->pid, '--nproc=1'), 0, 'a session may start no more threads');
like($session->query("SET lesionseg.threads = 3; $segment"), qr/^WARNING:  53000: [12] of 3 threads can.*^t\z/ms,
	'... and computes with those that it has left');
$session->quit;

# Where the library is loaded for each session, nothing needs to be called.
run_sql('postgres', "ALTER DATABASE $database SET session_preload_libraries = 'lesionseg'");
$session = owner_session();
unlike($session->query("ALTER DATABASE $database SET lesionseg.default_model = 'unet'"), qr/ERROR/,
	'the library is loaded at the start of a session');
$session->quit;
run_sql('postgres', "DROP DATABASE $database");
run_sql('postgres', 'DROP ROLE tap_owner');
done_testing();
