# Servers.pm: PostgreSQL servers of one test, beside the one that server-tests
# has. Each is a cluster of its own by test/tools/cluster, in a directory of
# its own under /tmp, and goes when the test ends, however it ends.
#
#   my ($hub, $north) = start_servers({ 'wal_level' => 'logical' }, qw(hub north));
#   $north->on(sub { fresh_database('clinic'); fill_archive('clinic', 10, 64) });
#   $hub->sql('postgres', "SELECT ... '" . $north->conninfo('clinic') . "'");
#   my $standby = $north->standby;
#   $north->stop('immediate');     # as after a crash
#   $north->start;
package Servers;

use strict;
use warnings;
use Exporter 'import';
use FindBin;
use IPC::Open2;
use Session qw(run_sql control_server);

our @EXPORT_OK = qw(start_servers recipe);

my @running;

# Begin to start a server, with options of test/tools/cluster.
sub launch {
	my ($name, @options) = @_;
	my $self = bless { name => $name }, __PACKAGE__;
	# The cluster lives as long as its command, which ends when nobody holds its input any more.
	my @hold = ('sh', '-c', 'echo "$PGHOST $LESIONSEG_LOG $LESIONSEG_DATA"; exec cat');
	$self->{pid} = open2($self->{out}, $self->{in}, "$FindBin::Bin/../tools/cluster", '--terminal',
		'-c', 'shared_buffers=16MB', @options, @hold);
	push @running, $self;
	return $self;
}

# Wait until a server answers.
sub wait_until_ready {
	my ($self) = @_;
	my $line = readline $self->{out} // die "$self->{name} does not start\n";
	@{ $self->{environment} }{qw(PGHOST LESIONSEG_LOG LESIONSEG_DATA)} = split ' ', $line;
	return $self;
}

# Start servers of these names, all at once. Settings may stand before them.
sub start_servers {
	my (@names) = @_;
	my $settings = ref $names[0] ? shift @names : {};
	my @options = map { ('-c', "$_=$settings->{$_}") } sort keys %$settings;
	return map { $_->wait_until_ready } map { launch($_, @options) } @names;
}

# The block of docs/many-servers.md that a pattern fits, with another name in the place of `north` if one is given,
# and the names of servers in `host=name` and `host 'name'` replaced by where ours of these names are.
sub recipe {
	my ($pattern, $name) = @_;
	open my $page, '<', "$FindBin::Bin/../../docs/many-servers.md" or die "many-servers.md: $!\n";
	my @blocks = join('', <$page>) =~ /^```text\n(.*?)^```$/msg;
	my ($block) = grep { $_ =~ $pattern } @blocks or die "no block in many-servers.md with $pattern\n";
	$block =~ s/north/$name/g if defined $name;
	for my $server (@running) {
		my $host = $server->host;
		$block =~ s/\bhost=$server->{name}\b/host=$host user=$ENV{PGUSER}/g;
		$block =~ s/\bhost '$server->{name}'/host '$host'/g;
	}
	return $block;
}

# Start a hot standby of a server. It is not waited for what happens there later: see caught_up.
sub standby {
	my ($self) = @_;
	return launch("$self->{name}'s standby", '--standby-of', $self->conninfo('postgres'))->wait_until_ready;
}

sub name { return $_[0]->{name}; }

# The directory of its socket.
sub host { return $_[0]->{environment}{PGHOST}; }

# What its log says so far.
sub log_text {
	my ($self) = @_;
	open my $log, '<', $self->{environment}{LESIONSEG_LOG} or die "$self->{environment}{LESIONSEG_LOG}: $!\n";
	local $/ = undef;
	return scalar <$log>;
}

# How other servers reach a database of it.
sub conninfo {
	my ($self, $database) = @_;
	return 'host=' . $self->host . " user=$ENV{PGUSER} dbname=$database";
}

# Call a sub during which all functions of Session.pm work on this server.
sub on {
	my ($self, $code) = @_;
	local @ENV{ keys %{ $self->{environment} } } = values %{ $self->{environment} };
	return $code->();
}

# Run SQL in a session of its own; dies when it fails.
sub sql {
	my ($self, $database, $sql) = @_;
	return $self->on(sub { run_sql($database, $sql) });
}

# Open a session that stays.
sub session {
	my ($self, $database) = @_;
	return $self->on(sub { Session->new($database) });
}

# Stop it: 'fast' unless another mode of pg_ctl is named.
sub stop {
	my ($self, $mode) = @_;
	return $self->on(sub { control_server('stop', $mode) });
}

sub start {
	my ($self) = @_;
	return $self->on(sub { control_server('start') });
}

# Wait until a standby has all that its primary has written so far.
sub caught_up {
	my ($self, $primary) = @_;
	my $end = $primary->sql('postgres', 'SELECT pg_current_wal_flush_lsn()');
	for (1 .. 600) {
		return if $self->sql('postgres', "SELECT pg_last_wal_replay_lsn() >= '$end'") eq 't';
		select undef, undef, undef, 0.1;
	}
	die "$self->{name} does not catch up\n";
}

# Stop and remove all. As for the server of server-tests, a test during which a process dies has failed.
END {
	my $status = $?;
	for my $server (grep { $_->{environment} } @running) {
		for my $death (grep { /was terminated by signal|PANIC: |TRAP: / } split /\n/, $server->log_text) {
			print STDERR "# $server->{name}: $death\n";
			$status ||= 1;
		}
	}
	close $_->{in} for @running;
	waitpid $_->{pid}, 0 for @running;
	$? = $status;
}

1;
