// SPDX-License-Identifier: Apache-2.0

// The kubelet's side of the device plugin interface, as much as a plugin sees of it: runs the plugin named on the command
// line, lets it register, takes each resource's first list, allocates every device by itself, prints all as JSON.
//
//	kubelet RESOURCES PLUGIN ARGUMENTS...      ends when so many resources are there, or with an error after 30 s
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	api "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
)

const patience = 30 * time.Second

type allocated struct {
	ID      string            `json:"id"`
	Health  string            `json:"health"`
	Envs    map[string]string `json:"envs"`
	Devices []string          `json:"devices"`
	CDI     []string          `json:"cdi"`
}

type kubelet struct {
	api.UnimplementedRegistrationServer
	requests chan *api.RegisterRequest
}

func (k *kubelet) Register(_ context.Context, request *api.RegisterRequest) (*api.Empty, error) {
	k.requests <- request
	return &api.Empty{}, nil
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubelet:", err)
		os.Exit(1)
	}
}

// All devices of one resource.
func take(ctx context.Context, request *api.RegisterRequest) ([]allocated, error) {
	connection, err := grpc.NewClient("unix://"+filepath.Join(api.DevicePluginPath, request.Endpoint),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	plugin := api.NewDevicePluginClient(connection)
	stream, err := plugin.ListAndWatch(ctx, &api.Empty{})
	if err != nil {
		return nil, err
	}
	list, err := stream.Recv()
	if err != nil {
		return nil, err
	}
	found := []allocated{}
	for _, device := range list.Devices {
		answer, err := plugin.Allocate(ctx, &api.AllocateRequest{
			ContainerRequests: []*api.ContainerAllocateRequest{{DevicesIDs: []string{device.ID}}}})
		if err != nil {
			return nil, err
		}
		container := answer.ContainerResponses[0]
		one := allocated{ID: device.ID, Health: device.Health, Envs: container.Envs, Devices: []string{}, CDI: []string{}}
		for _, node := range container.Devices {
			one.Devices = append(one.Devices, node.HostPath)
		}
		for _, cdi := range container.CDIDevices {
			one.CDI = append(one.CDI, cdi.Name)
		}
		found = append(found, one)
	}
	return found, nil
}

func main() {
	wanted, err := strconv.Atoi(os.Args[1])
	fail(err)
	fail(os.MkdirAll(api.DevicePluginPath, 0o755))
	listener, err := net.Listen("unix", api.KubeletSocket)
	fail(err)
	server, k := grpc.NewServer(), &kubelet{requests: make(chan *api.RegisterRequest, 16)}
	api.RegisterRegistrationServer(server, k)
	go func() { _ = server.Serve(listener) }()

	plugin := exec.Command(os.Args[2], os.Args[3:]...)
	plugin.Stdout, plugin.Stderr = os.Stderr, os.Stderr
	plugin.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	fail(plugin.Start())
	ended := make(chan error, 1)
	go func() { ended <- plugin.Wait() }()

	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	resources := map[string][]allocated{}
	for len(resources) < wanted {
		select {
		case request := <-k.requests:
			resources[request.ResourceName], err = take(ctx, request)
			fail(err)
		case err := <-ended:
			fail(fmt.Errorf("the plugin ended: %v", err))
		case <-ctx.Done():
			fail(fmt.Errorf("%d of %d resources within %v", len(resources), wanted, patience))
		}
	}
	fail(plugin.Process.Signal(syscall.SIGTERM))
	<-ended
	fail(json.NewEncoder(os.Stdout).Encode(resources))
}
