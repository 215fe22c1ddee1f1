// Azure Application Gateway v2: the probe, the pool and the backend settings. Put them into the properties of your gateway
// (Microsoft.Network/applicationGateways): probes: [probe], backendAddressPools: [pool], backendHttpSettingsCollection:
// [settings]. An exporter runs on each node.
//
//   fail_after 2 x every 20s                        40 s until the verdict falls
//   + interval 5s x threshold 2                     +10 s until the node gets no new requests
//
//   200        the node is healthy, at once
//   503        unhealthy after two, failed or drained: no new requests; open ones have 60 s
//   no answer  as 503; minServers nodes stay in whatever is answered
//
// Every instance of the gateway asks for itself.
//
// The gateway wants the probe's protocol to be that of the backend settings, HTTPS here, and the exporter's health listener
// speaks plain HTTP. So the probe asks the exporter's main listener, 9110, which takes a certificate for the host name below
// from --web.config.file and opens /testall to the gateway's subnet by `access: {open: [testall], open_to: [10.0.1.0/24]}`.
// With plain HTTP to the nodes, make both protocols 'Http' and the port 9109.

param gatewayName string

var probe = {
  name: 'testall'
  properties: {
    protocol: 'Https'
    host: 'login.example.com'
    port: 9110
    path: '/testall'
    interval: 5
    timeout: 2
    unhealthyThreshold: 2
    pickHostNameFromBackendHttpSettings: false
    // So many nodes stay healthy whatever the probe says: the gateway's own min_up. 0 is the default.
    minServers: 1
    match: { statusCodes: [ '200' ] }
  }
}

var pool = {
  name: 'nodes'
  properties: {
    backendAddresses: [
      { ipAddress: '10.0.0.11' }
      { ipAddress: '10.0.0.12' }
      { ipAddress: '10.0.0.13' }
    ]
  }
}

var settings = {
  name: 'https'
  properties: {
    protocol: 'Https'
    port: 443
    hostName: 'login.example.com'
    requestTimeout: 30
    // A node taken out of the pool finishes what it has begun.
    connectionDraining: { enabled: true, drainTimeoutInSec: 60 }
    probe: { id: resourceId('Microsoft.Network/applicationGateways/probes', gatewayName, 'testall') }
  }
}

output probe object = probe
output pool object = pool
output settings object = settings
