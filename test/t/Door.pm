# Door.pm: a door to a server that counts the bytes which come through it.
#
#   my $door = Door->new($ENV{PGHOST});
#   ... connect with the host $door->directory ...
#   print $door->came, $door->went; $door->forget;
package Door;

use strict;
use warnings;
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();

my @porters;
my $socket = '.s.PGSQL.5432';

# Open a door to the server whose socket is in a directory. The door is a socket in another. `said`, where the server
# says that, becomes `heard`. Once a client says `deaf`, it is heard no more.
sub new {
	my ($class, $host, $said, $heard, $deaf) = @_;
	my $self = bless { directory => tempdir(CLEANUP => 1) }, $class;
	chmod 0755, $self->{directory};
	my $owner = $$;
	my $porter = fork // die "fork: $!\n";
	# A program of its own, which holds no pipe of ours open.
	exec $^X, '-I', dirname(__FILE__), '-MDoor', '-e', 'Door::keep(@ARGV)', $self->{directory}, $host, $owner,
		$said // '', $heard // '', $deaf // ''
		if $porter == 0;
	push @porters, $porter;
	for (1 .. 100) { last if -S "$self->{directory}/$socket"; select undef, undef, undef, 0.1; }
	return $self;
}

# Keep a door, as long as the process that opened it lives.
sub keep {
	my ($directory, $host, $owner, @words) = @_;
	my $listening = IO::Socket::UNIX->new(Local => "$directory/$socket", Listen => 5) or POSIX::_exit(1);
	my $ready = IO::Select->new($listening);
	chmod 0777, "$directory/$socket";
	local $SIG{CHLD} = 'IGNORE';
	while (getppid == $owner) {
		next unless $ready->can_read(1);
		my $client = $listening->accept or next;
		next if fork;
		pass_on($directory, $client, $host, @words);
	}
	POSIX::_exit(0);
}

# Pass on what a client and the server say to each other, in a process of its own.
sub pass_on {
	my ($directory, $client, $host, $said, $heard, $deaf) = @_;
	my $server = IO::Socket::UNIX->new(Peer => "$host/$socket") or POSIX::_exit(1);
	my $ready = IO::Select->new($client, $server);
	while (my @from = $ready->can_read) {
		for my $from (@from) {
			my $length = sysread $from, my $bytes, 1 << 16;
			POSIX::_exit(0) unless $length;
			$ready->remove($client) if $deaf ne '' && $from == $client && index($bytes, $deaf) >= 0;
			$bytes =~ s/\Q$said\E/$heard/g if $said ne '' && $from == $server;
			my $to = $from == $client ? $server : $client;
			for (my $sent = 0; $sent < $length;) {
				$sent += syswrite($to, $bytes, $length - $sent, $sent) || POSIX::_exit(0);
			}
			open my $count, '>>', "$directory/" . ($from == $server ? 'came' : 'went') or POSIX::_exit(1);
			syswrite $count, "$length\n";
		}
	}
	return;
}

# Where clients find the door, as PGHOST.
sub directory { return $_[0]->{directory}; }

# Bytes that came from the server, or went to it, since forget().
sub came { return $_[0]->counted('came'); }
sub went { return $_[0]->counted('went'); }

sub counted {
	my ($self, $way) = @_;
	my $sum = 0;
	open my $count, '<', "$self->{directory}/$way" or return 0;
	while (my $length = <$count>) { $sum += $length; }
	return $sum;
}

sub forget {
	my ($self) = @_;
	unlink map { "$self->{directory}/$_" } qw(came went);
	return;
}

END {
	my $status = $?;
	kill 'TERM', @porters;
	waitpid $_, 0 for @porters;
	$? = $status;
}

1;
