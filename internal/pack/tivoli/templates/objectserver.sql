-- For the ObjectServer: nco_sql -server NCOMS -user root -input {{.Prefix}}_exporter.sql
-- In a deployment of several tiers, for the aggregation layer: both ObjectServers of the pair. It may be loaded again.
-- The class has to be free at your site; change it here and in the rules.

delete from alerts.conversions where KeyField = 'Class{{.Class}}';
go

insert into alerts.conversions values ('Class{{.Class}}','Class',{{.Class}},'{{.Program}}');
go

-- A heartbeat that does not come for {{.Lost}} s becomes a problem. The next one makes it what it was: the rules tell to
-- update Severity, Type and ExpireTime. The group is that of generic_clear and expire: of a pair, the one that acts.
create or replace trigger {{.Prefix}}_heartbeat_lost
group primary_only
enabled true
priority 10
comment 'Raises an alarm when an idp_exporter sends no more heartbeats'
every 60 seconds
begin
  for each row heartbeat in alerts.status where heartbeat.AlertGroup = '{{.HeartbeatGroup}}' and heartbeat.Type = 13 and heartbeat.LastOccurrence < getdate() - {{.Lost}}
  begin
    set heartbeat.Severity = 5;
    set heartbeat.Type = 1;
    set heartbeat.ExpireTime = 0;
    set heartbeat.Summary = 'No heartbeat of {{.Program}} on ' + heartbeat.AlertKey;
  end;
end;
go
