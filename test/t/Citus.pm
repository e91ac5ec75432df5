# Citus.pm: a coordinator and workers of Citus, made by the statements of
# docs/many-servers.md.
package Citus;

use strict;
use warnings;
use Exporter 'import';
use Servers qw(start_servers recipe);

our @EXPORT_OK = qw(start_citus);

# Start hub, east and west, the names that the page has. Settings are added to
# what the page asks for. In the database clinic are lesionseg, and the tables
# archive and masks in a number of shards.
sub start_citus {
	my ($shards, %settings) = @_;
	# Citus raises max_prepared_transactions where it is 0; test/tools/cluster has 2.
	my @servers = start_servers({ shared_preload_libraries => 'citus', max_prepared_transactions => 100, %settings },
		qw(hub east west));
	my $nodes = recipe(qr/citus_add_node/);
	$nodes =~ s/^CREATE EXTENSION citus;\n//;
	for my $server (@servers) {
		my $host = $server->host;
		$server->sql('postgres', "ALTER SYSTEM SET citus.local_hostname = '$host'");
		$server->sql('postgres', 'SELECT pg_reload_conf()');
		$server->sql('postgres', 'CREATE DATABASE clinic');
		$server->sql('clinic', 'CREATE EXTENSION citus');
		$nodes =~ s/'$server->{name}'/'$host'/;
	}
	$servers[0]->sql('clinic', $nodes);
	$servers[0]->sql('clinic', recipe(qr/create_distributed_table/) =~ s/shard_count => \d+/shard_count => $shards/r);
	return @servers;
}

1;
