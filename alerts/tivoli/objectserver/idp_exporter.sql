-- For the ObjectServer: nco_sql -server NCOMS -user root -input idp_exporter.sql
-- In a deployment of several tiers, for the aggregation layer: both ObjectServers of the pair. It may be loaded again.
-- The class has to be free at your site; change it here and in the rules.

delete from alerts.conversions where KeyField = 'Class40999';
go

insert into alerts.conversions values ('Class40999','Class',40999,'idp_exporter');
go

-- A heartbeat that does not come for 900 s becomes a problem. The next one makes it what it was: the rules tell to
-- update Severity, Type and ExpireTime. The group is that of generic_clear and expire: of a pair, the one that acts.
create or replace trigger idp_heartbeat_lost
group primary_only
enabled true
priority 10
comment 'Raises an alarm when an idp_exporter sends no more heartbeats'
every 60 seconds
begin
  for each row heartbeat in alerts.status where heartbeat.AlertGroup = 'IDP Heartbeat' and heartbeat.Type = 13 and heartbeat.LastOccurrence < getdate() - 900
  begin
    set heartbeat.Severity = 5;
    set heartbeat.Type = 1;
    set heartbeat.ExpireTime = 0;
    set heartbeat.Summary = 'No heartbeat of idp_exporter on ' + heartbeat.AlertKey;
  end;
end;
go
